"""Real client programs and libraries through the node: curl, Python's http.client and email, WebSocket."""

import asyncio
import email.policy
import http.client
import os
import shutil
import subprocess

from harness.origin import Reply
from support import Skipped, case, expect

BODY = bytes(range(256)) * 400


def serving(context):
    origin = context.origin()
    origin.script("s1", "clients").add(
        Reply(200, {"Cache-Control": "max-age=3600", "ETag": '"v1"', "Accept-Ranges": "bytes"}, BODY))
    return context.node(origin.url)


def curl(*arguments):
    if not shutil.which("curl"):
        raise Skipped("curl is not installed (deploy/install-packages test)")
    done = subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False)
    expect(done.returncode == 0, f"curl {arguments}: {done.stderr!r}")
    return done.stdout


@case("curl: GET, HEAD, a range, a conditional request, a resumed download, several URLs on one connection")
def by_curl(context):
    node = serving(context)
    url = f"http://127.0.0.1:{node.port}/s1/file.bin"
    expect(curl(url) == BODY, "GET")
    expect(b"200 OK" in curl("-I", url), "HEAD")
    expect(curl("-r", "100-199", url) == BODY[100:200], "a range")
    expect(curl("-H", 'If-None-Match: "v1"', "-o", "/dev/null", "-w", "%{http_code}", url) == b"304", "a condition")
    part = f"{context.directory()}/part"
    with open(part, "wb") as file:
        file.write(BODY[:5000])
    curl("-C", "-", "-o", part, url)
    with open(part, "rb") as file:
        expect(file.read() == BODY, "a resumed download")
    expect(curl(url, url, url) == BODY * 3, "several on one connection")
    expect(curl("-0", url) == BODY, "HTTP/1.0")
    expect(curl("-T", part, "-o", "/dev/null", "-w", "%{http_code}", f"{url}-upload") == b"200", "an upload")
    listing = curl("-r", "0-9,100-109,-10", url)
    expect(all(part in listing for part in (BODY[:10], BODY[100:110], BODY[-10:])), "several ranges")


@case("multipart ranges read back by Python's own MIME parser")
def multipart_by_python(context):
    node = serving(context)
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=20)
    connection.request("GET", "/s1/file.bin")
    expect(connection.getresponse().read() == BODY, "the whole")
    connection.request("GET", "/s1/file.bin", headers={"Range": "bytes=0-99, 5000-5999, -500"})
    response = connection.getresponse()
    payload = response.read()
    expect(response.status == 206, f"206, not {response.status}")
    head = f"Content-Type: {response.getheader('Content-Type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + payload, policy=email.policy.HTTP)
    parts = message.get_payload()
    expect(isinstance(parts, list) and len(parts) == 3, "three parts")
    ranges = [part["Content-Range"] for part in parts]
    size = len(BODY)
    wanted = [f"bytes 0-99/{size}", f"bytes 5000-5999/{size}", f"bytes {size - 500}-{size - 1}/{size}"]
    expect(ranges == wanted, f"Content-Range of the parts: {ranges}")


@case("Python's http.client keeps a connection over 300 requests of several kinds")
def by_python(context):
    node = serving(context)
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=20)
    connection.connect()
    port = connection.sock.getsockname()[1]
    for number in range(300):
        method = ("GET", "HEAD", "POST")[number % 3]
        connection.request(method, "/s1/file.bin", body=b"x" * number if method == "POST" else None)
        response = connection.getresponse()
        body = response.read()
        expect(response.status == 200, f"200 for {method}, not {response.status}")
        expect(body == (b"" if method == "HEAD" else BODY), f"the body for {method}")
        expect(connection.sock and connection.sock.getsockname()[1] == port, "the same connection")


@case("WebSocket: a real client library against a real server through the node")
def websocket(context):
    try:
        import websockets
    except ImportError as missing:
        raise Skipped("python3-websockets is not installed (deploy/install-packages test)") from missing
    asyncio.run(_websocket(context, websockets))


async def _websocket(context, websockets):
    async def echo(socket, *_):
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        # A plain request to the WebSocket server is answered 426, which is an answer: the node is ready.
        loop = asyncio.get_running_loop()
        node = await loop.run_in_executor(None, lambda: context.node(f"http://127.0.0.1:{port}"))
        async with websockets.connect(f"ws://127.0.0.1:{node.port}/chat", max_size=None) as client:
            for number in range(200):
                await client.send(f"message {number}")
                expect(await client.recv() == f"message {number}", "the echo")
            large = os.urandom(1 << 20)
            await client.send(large)
            expect(await client.recv() == large, "the large echo")
            await (await client.ping())
        several = [await websockets.connect(f"ws://127.0.0.1:{node.port}/chat") for _ in range(20)]
        for number, client in enumerate(several):
            await client.send(str(number))
        for number, client in enumerate(several):
            expect(await client.recv() == str(number), "each tunnel's own echo")
            await client.close()
            expect(client.close_code == 1000, f"a clean close, not {client.close_code}")
