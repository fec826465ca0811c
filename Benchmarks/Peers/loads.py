"""Runs a load generator against a port and gives back what it saw; and asks the origin how often it was asked."""

import http.client
import json
import os
import re
import subprocess

from . import tools

# wrk calls `done` once, after the run: nothing of this runs per request.
SUMMARY = """
done = function(summary, latency)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('SUMMARY {"requests": %d, "bytes": %d, "microseconds": %d, "errors": %d',
    summary.requests, summary.bytes, summary.duration, errors))
  for name, percent in pairs({p25 = 25, p50 = 50, p75 = 75, p99 = 99, p999 = 99.9}) do
    io.write(string.format(', "%s": %.2f', name, latency:percentile(percent)))
  end
  io.write('}\\n')
end
"""


class LoadError(Exception):
    """The generator saw something it must not see; the measurement does not count."""


def trimean(low, middle, high):
    return (low + 2 * middle + high) / 4


def run(arguments, core):
    done = subprocess.run(["taskset", "-c", str(core)] + arguments, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr.strip()


def with_wrk(row, port, seconds, core, folder):
    script = os.path.join(folder, "summary.lua")
    if not os.path.exists(script):
        with open(script, "w") as file:
            file.write(SUMMARY)
    # Whole seconds only: wrk knows no others.
    arguments = [
        "wrk",
        "-t1",
        f"-c{row.connections}",
        f"-d{max(1, round(seconds))}s",
        "-s",
        script,
        "-H",
        "Host: bench.example",
    ]
    if row.header:
        arguments += ["-H", row.header]
    if row.closes:
        arguments += ["-H", "Connection: close"]
    output, errors = run(arguments + [f"http://127.0.0.1:{port}{row.path}"], core)
    found = re.search(r"SUMMARY (\{.*\})", output)
    if not found:
        raise LoadError(f"wrk said: {output[-300:]} {errors}")
    seen = json.loads(found.group(1))
    if seen["errors"]:
        raise LoadError(f"wrk met {seen['errors']} errors in {seen['requests']} requests")
    if seen["bytes"] < seen["requests"] * row.body:
        raise LoadError(f"wrk got {seen['bytes']} bytes in {seen['requests']} responses of {row.body}")
    seen["seconds"] = seen["microseconds"] / 1e6
    seen["finished"] = seen["requests"]
    seen["trimean"] = trimean(seen["p25"], seen["p50"], seen["p75"])
    return seen


def load_arguments(row, port):
    arguments = [
        tools.tool("load"),
        "--port",
        str(port),
        "--connections",
        str(row.connections),
        "--path",
        row.path,
        "--status",
        str(row.status),
    ]
    if row.paths:
        arguments += ["--paths", str(row.paths)]
    if row.closes:
        arguments.append("--close")
    if row.distinct:
        arguments.append("--distinct")
    if row.header:
        arguments += ["--header", row.header]
    return arguments


def with_load(row, port, seconds, core, warmup=0.0, any_body=False, extra=()):
    arguments = load_arguments(row, port) + ["--duration", str(seconds), "--warmup", str(warmup)] + list(extra)
    if row.rate:
        arguments += ["--rate", str(row.rate)]
    if any_body:
        arguments.append("--any-body")
    output, errors = run(arguments, core)
    try:
        seen = json.loads(output)
    except ValueError:
        raise LoadError(f"load said: {output[-300:]} {errors}") from None
    if seen["errors"]:
        raise LoadError(f"load met {seen['errors']} errors, the first: {seen['first_error']}")
    return seen


def get(port, path, header=""):
    """(status, head length, body) of one request, as a plain client sees it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(
            "GET", path, headers={"Host": "bench.example", **dict([header.split(": ", 1)] if header else [])}
        )
        response = connection.getresponse()
        body = response.read()
        head = len(f"HTTP/1.1 {response.status} {response.reason}\r\n\r\n") + sum(
            len(name) + len(value) + 4 for name, value in response.getheaders()
        )
        return response.status, head, body
    finally:
        connection.close()


def asked(origin):
    """How many requests the origin has had."""
    return int(get(origin, "/count")[2])
