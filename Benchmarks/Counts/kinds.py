"""The kinds of hits whose cost is counted, and how each is asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    name: str
    path: str
    status: int
    header: str = ""
    # The answer is counted once it comes in this coding.
    coding: str = ""
    # No two requests have the same bytes.
    distinct: bool = False

    def arguments(self, port):
        words = ["--port", str(port), "--path", self.path, "--status", str(self.status)]
        if self.status == 206 or self.coding:
            words.append("--any-body")
        if self.distinct:
            words.append("--distinct")
        return words + (["--header", self.header] if self.header else [])


KINDS = [
    Kind("1k", "/text/1024", 200),
    Kind("1k-distinct", "/text/1024", 200, distinct=True),
    Kind("10k", "/text/10240", 200),
    Kind("10k-raw", "/raw/10240", 200),
    Kind("304", "/text/1024", 304, 'If-None-Match: "2-400-0"'),
    Kind("1k-br", "/text/1024", 200, "Accept-Encoding: br", "br"),
    Kind("206", "/text/10240", 206, "Range: bytes=1000-1999"),
]
