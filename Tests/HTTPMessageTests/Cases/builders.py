"""What the case files are written with: a case is appended to CASES by `accept`, `refuse`, `choice` or `case`."""

CASES = []
H = "Host: a.example\r\n"


def case(name, rule, raw, requests, end, level="must"):
    parts = raw if isinstance(raw, list) else [raw]
    if isinstance(requests, str):
        requests = [requests]
    CASES.append({"name": name, "rule": rule, "level": level, "raw": parts, "requests": requests, "end": end})


def accept(name, rule, raw, requests="GET / 0", end="open", level="must"):
    case(name, rule, raw, requests, end, level)


def refuse(name, rule, raw, status=400, level="must"):
    case(name, rule, raw, [], status, level)


def choice(name, rule, raw, status=400):
    case(name, rule, raw, [], status, "choice")


def byte_name(byte):
    return f"0x{byte:02X}"


def get(fields="", target="/", version="HTTP/1.1", method="GET"):
    return f"{method} {target} {version}\r\n{H}{fields}\r\n"


def post(fields, body="", version="HTTP/1.1"):
    return f"POST /p {version}\r\n{H}{fields}\r\n{body}"


def chunked(body):
    return post("Transfer-Encoding: chunked\r\n", body)
