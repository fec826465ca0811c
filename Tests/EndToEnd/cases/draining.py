"""How long an old worker is kept: what stands still by restart.drain-request, what moves by restart.drain-stream, and
everything by restart.stop from when a stop comes."""

import threading
import time

from harness.client import Client
from harness.origin import Reply
from harness.waiting import pace, wait_until
from support import case, expect, martlet

PIECE = b"p" * 1000


def paced(pieces, seconds):
    """An origin's answer that comes piece by piece, each so long after the one before."""
    def act(connection, _request):
        length = pieces * len(PIECE)
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n" % length)
        for _ in range(pieces):
            connection.send(PIECE)
            pace(seconds)
        return True
    return act


class Download:
    """An answer under way in the background."""

    def __init__(self, context, config, act):
        origin = context.origin()
        origin.script("s1", "draining").add(Reply(act=act))
        self.node = context.node(origin.url, workers=1, config=config)
        self.client = Client(self.node.address, 30)
        self.client.request("GET", "/s1/page")
        self.response = self.client.read_head()
        self.thread = threading.Thread(target=self.client.read_body, args=(self.response,))
        self.thread.start()

    def command(self, *words):
        code, out, error = martlet(*words, "--runtime-dir", self.node.runtime, seconds=60)
        expect(code == 0, f"martlet {' '.join(words)}: exit {code}, {out!r} {error!r}")
        return out + error

    def received(self):
        """How many bytes of the body came, and after how many seconds it ended."""
        since = time.monotonic()
        self.thread.join(30)
        expect(not self.thread.is_alive(), "the answer ended")
        return len(self.response.body), time.monotonic() - since


@case("an answer that moves outlives restart.drain-request after a reload")
def moving(context):
    download = Download(context, "restart: {drain-request: 1s, drain-stream: 30s}\n", paced(20, 0.25))
    download.command("reload")
    expect(download.received()[0] == 20 * len(PIECE), "the whole answer")


@case("an answer that stands still is cut after restart.drain-request, and the log says so")
def standing_still(context):
    gate = threading.Event()
    context.closers.append(gate.set)

    def act(connection, _request):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2000\r\n\r\n" + PIECE)
        gate.wait(20)
        return False

    download = Download(context, "restart: {drain-request: 1s, drain-stream: 30s}\n", act)
    download.command("reload")
    count, seconds = download.received()
    expect(count <= len(PIECE) and seconds < 5, f"cut soon: {count} bytes, {seconds:.1f} s")
    wait_until(lambda: "1 cut" in download.node.log_tail(), "the log to say it")


@case("an answer that moves is cut after restart.drain-stream, and the log says so")
def moving_for_too_long(context):
    download = Download(context, "restart: {drain-request: 1s, drain-stream: 3s}\n", paced(60, 0.25))
    download.command("reload")
    count, seconds = download.received()
    expect(count < 60 * len(PIECE) and 2 < seconds < 6, f"cut at the limit: {count} bytes, {seconds:.1f} s")
    wait_until(lambda: "1 cut" in download.node.log_tail(), "the log to say it")


@case("a stop gives what has drained for long restart.stop from now")
def stop_after_reload(context):
    download = Download(context, "restart: {stop: 5s}\n", paced(32, 0.25))
    download.command("reload")
    # It is this long that has to be over when the stop comes.
    pace(6)
    said = download.command("stop")
    expect("cut" not in said, f"nothing was cut: {said}")
    expect(download.received()[0] == 32 * len(PIECE), "the whole answer")


@case("a stop cuts after restart.stop what a reload would let go on")
def stop_shortens(context):
    download = Download(context, "restart: {stop: 1s}\n", paced(60, 0.25))
    download.command("reload")
    said = download.command("stop")
    expect("1 request was cut" in said, f"what it cost: {said}")
    expect(download.received()[0] < 60 * len(PIECE), "the answer is cut")


@case("restart.stop 0: a stop waits for nothing, and says what it cut")
def stop_at_once(context):
    download = Download(context, "restart: {stop: 0}\n", paced(60, 0.25))
    began = time.monotonic()
    said = download.command("stop")
    expect("1 request was cut" in said, f"what it cost: {said}")
    expect(time.monotonic() - began < 2, "at once")
