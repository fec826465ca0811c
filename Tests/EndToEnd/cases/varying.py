"""URLs that vary, new ones all the time, asked for by many clients at several workers at once."""

import threading
import time

from harness.client import Client
from harness.origin import Reply
from support import case, expect

SECONDS = 4
CLIENTS = 24


@case("many clients ask several workers for new URLs that vary: nobody waits or asks in circles")
def new_urls(context):
    def act(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: X-A\r\nContent-Length: 3\r\n\r\nabc")
        return True
    origin = context.origin()
    origin.script("vary", "varying").add(Reply(act=act))
    node = context.node(origin.url, workers=3)
    before = sorted(node.workers())
    end = time.monotonic() + SECONDS
    failed, answered = [], []

    def ask(number):
        try:
            with Client(node.address, 10.0) as client:
                while time.monotonic() < end:
                    # The same new URL for all of them, every ten milliseconds.
                    target = f"/vary/{int(time.monotonic() * 100)}"
                    client.request("GET", target, {"X-A": str(number % 4)})
                    expect(client.read_response().body == b"abc", "the body")
                    answered.append(target)
        except Exception as error:  # noqa: BLE001
            failed.append(repr(error))
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    expect(not failed, f"{len(failed)} clients failed, the first: {failed[:1]}")
    expect(sorted(node.workers()) == before, "by the workers that there were")
    return f"{len(answered)} answers for {len(set(answered))} URLs"
