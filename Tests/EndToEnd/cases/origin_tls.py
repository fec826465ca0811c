"""Origins with https: nginx with a certificate of a test authority; what may be trusted and what may not."""

import os
import shutil
import subprocess

from cases.restarts import CHANGES, command, echo
from harness.client import Client
from harness.node import command_line, owner_of_connection
from harness.origin import Reply
from harness.waiting import wait_until
from support import Skipped, case, expect

BLOCK = os.urandom(1 << 20)


class Authority:
    """A test authority and the certificates it makes."""

    def __init__(self, context):
        if not shutil.which("openssl"):
            raise Skipped("openssl is not installed")
        self.home = context.directory()
        self.file = f"{self.home}/ca.pem"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                  "-subj", "/CN=Test authority", "-keyout", f"{self.home}/ca.key", "-out", self.file)

    def _run(self, *words):
        done = subprocess.run(["openssl", *words], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        expect(done.returncode == 0, f"openssl {words}: {done.stderr!r}")

    def settings(self, name):
        """nginx's directives for a certificate of this name."""
        base = f"{self.home}/{name}"
        kind = "IP" if name[0].isdigit() else "DNS"
        with open(f"{base}.ext", "w", encoding="ascii") as file:
            file.write(f"subjectAltName={kind}:{name}\n")
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", f"{base}.key", "-out", f"{base}.csr")
        self._run("x509", "-req", "-in", f"{base}.csr", "-CA", self.file, "-CAkey", f"{self.home}/ca.key",
                  "-CAcreateserial", "-days", "2", "-extfile", f"{base}.ext", "-out", f"{base}.pem")
        return f"ssl_certificate {base}.pem; ssl_certificate_key {base}.key;"


def served(context, authority, name, more="expires 1h;"):
    root = context.directory()
    with open(f"{root}/file.bin", "wb") as file:
        for _ in range(3):
            file.write(BLOCK)
    settings = authority.settings(name) + " location = /name { default_type text/plain; return 200 $ssl_server_name; } "
    settings += "location = /reused { keepalive_timeout 0; default_type text/plain; return 200 $ssl_session_reused; } "
    return context.file_server(root, settings + more)


def config(server, name, more):
    return (f"origins:\n  - {{url: 'https://127.0.0.1:{server.ports[0]}', server-name: {name}}}\n"
            f"origin-tls: {{{more}}}\n")


def ask(node, path):
    with Client(node.address, 20) as client:
        client.request("GET", path)
        return client.read_response()


@case("an https origin of a trusted authority: right bytes, SNI, one connection for many requests")
def trusted(context):
    authority = Authority(context)
    server = served(context, authority, "origin.test")
    node = context.node(None, config=config(server, "origin.test", f"ca-file: {authority.file}"))
    expect(ask(node, "/name").body == b"origin.test", "the server was asked for by name")
    expect(ask(node, "/file.bin").body == BLOCK * 3, "the file's bytes")
    def is_hit():
        again = ask(node, "/file.bin")
        expect(again.body == BLOCK * 3, "the same bytes again")
        return "; hit" in again.get("Cache-Status")
    # A request right behind the last byte may still join the fill, which is packed in steps.
    wait_until(is_hit, "a hit of the file")
    before = node.admin("GET", "/v1/status")[1]["counters"]["origin_connects"]
    for number in range(50):
        expect(ask(node, f"/name?{number}").status == 200, "one of many")
    opened = node.admin("GET", "/v1/status")[1]["counters"]["origin_connects"] - before
    expect(opened <= 2, f"{opened} connections for 50 requests of two workers")


@case("an https origin named by its address")
def by_address(context):
    authority = Authority(context)
    server = served(context, authority, "127.0.0.1")
    node = context.node(f"https://127.0.0.1:{server.ports[0]}", config=f"origin-tls: {{ca-file: {authority.file}}}\n")
    expect(ask(node, "/file.bin").body == BLOCK * 3, "the file's bytes")


def refused(context, server, text, reason):
    node = context.node(None, config=text)
    answer = ask(node, "/file.bin")
    expect(answer.status == 502, f"{answer!r}")
    expect("detail=origin-insecure" in answer.get("Cache-Status"), f"{answer.get('Cache-Status')}")
    wait_until(lambda: reason in node.log_tail(), f"'{reason}' in the log")
    expect(f"https://127.0.0.1:{server.ports[0]}: TLS: certificate refused" in node.log_tail(), node.log_tail())
    return node


@case("an https origin that cannot prove its name is refused: another name, an unknown authority; unless told not to")
def untrusted(context):
    authority = Authority(context)
    server = served(context, authority, "other.test")
    refused(context, server, config(server, "origin.test", f"ca-file: {authority.file}"), "hostname mismatch")
    refused(context, server, config(server, "other.test", "verify: true"), "unable to get local issuer certificate")
    node = context.node(None, config=config(server, "origin.test", "verify: false"))
    expect(ask(node, "/file.bin").body == BLOCK * 3, "not verified when told so")


@case("plain HTTP behind an https URL is a 502, and a fault of TLS in the log")
def not_tls(context):
    server = context.file_server(context.directory(), "")
    node = context.node(f"https://127.0.0.1:{server.ports[0]}")
    answer = ask(node, "/page")
    expect(answer.status == 502 and "detail=origin-insecure" in answer.get("Cache-Status"), f"{answer!r}")
    wait_until(lambda: ": TLS: " in node.log_tail(), "a line in the log")


@case("uploads and long answers over TLS, both ways whole")
def both_ways(context):
    authority = Authority(context)
    origin = context.origin()
    script = origin.script("s1", "upload").add(Reply(200, {"Cache-Control": "no-store"}, BLOCK * 8))
    proxy = served(context, authority, "origin.test",
                   f"client_max_body_size 0; proxy_request_buffering off; proxy_buffering off; proxy_http_version 1.1; "
                   f"location /s1/ {{ proxy_pass http://127.0.0.1:{origin.port}; }}")
    node = context.node(None, config=config(proxy, "origin.test", f"ca-file: {authority.file}"))
    with Client(node.address, 60) as client:
        client.request("PUT", "/s1/up", {"Content-Length": str(8 << 20)})
        for _ in range(8):
            client.send(BLOCK)
        response = client.read_response()
    expect(response.status == 200 and response.body == BLOCK * 8, f"the answer: {response!r}")
    expect(script.requests[0].body == BLOCK * 8, "the upload's bytes")


@case("a tunnel to an https origin outlives every kind of change where it is; everything else moves on without it")
def tunnel(context):
    authority = Authority(context)
    origin = context.origin()
    origin.script("s1", "tunnel").add(Reply(act=echo))
    proxy = served(context, authority, "origin.test",
                   "location /s1/ { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
                   f"proxy_set_header Connection upgrade; proxy_pass http://127.0.0.1:{origin.port}; }}")
    node = context.node(None, config=config(proxy, "origin.test", f"ca-file: {authority.file}"))
    through, idle = Client(node.address, 30), Client(node.address, 30)
    through.request("GET", "/s1/echo", [("Connection", "Upgrade"), ("Upgrade", "echo")])
    expect(through.read_head().status == 101, "switched")
    idle.request("GET", "/name")
    expect(idle.read_response().body == b"origin.test", "an answer before")
    holder = owner_of_connection(node.workers(), node.port, through.port)
    for number, (name, change) in enumerate(CHANGES.items()):
        if name == "adoption":
            # The next supervisor is told all anew; the origin is in the file that this one was given.
            continue
        node = change(context, node)
        message = b"%08d" % number * 500
        through.send(message)
        pieces = []
        through.reader.exactly(len(message), pieces.append)
        expect(b"".join(pieces) == message, f"{name}: the echo")
        idle.request("GET", "/name")
        expect(idle.read_response().body == b"origin.test", f"{name}: an answer on the connection from before")
    expect(owner_of_connection([holder], node.port, through.port) == holder, "the tunnel where it was")
    expect(owner_of_connection([holder], node.port, idle.port) is None, "the other connection elsewhere")
    wait_until(lambda: command(node, "status").count("kept by 1 streams") == 1, "status says what keeps it")
    through.close()
    wait_until(lambda: not command_line(holder), "the old worker gone with its tunnel")


@case("a certificate file that is not one keeps the node from starting, and the message says why")
def bad_authority(context):
    home = context.directory()
    with open(f"{home}/ca.pem", "w", encoding="ascii") as file:
        file.write("not a certificate\n")
    node = context.node("https://127.0.0.1:1", config=f"origin-tls: {{ca-file: {home}/ca.pem}}\n", ready=False)
    wait_until(lambda: f"origin-tls.ca-file {home}/ca.pem" in node.log_tail(), "the reason", 15)


@case("a new connection to an https origin goes on with the session of the last one")
def resumed(context):
    authority = Authority(context)
    server = served(context, authority, "origin.test")
    node = context.node(
        None, workers=1, config=config(server, "origin.test", f"ca-file: {authority.file}"))
    answers = [ask(node, f"/reused?{number}").body for number in range(4)]
    expect(answers == [b".", b"r", b"r", b"r"], f"one full handshake and three short ones, not {answers}")
