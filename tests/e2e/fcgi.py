# SPDX-License-Identifier: ISC
"""FastCGI spoken by hand, well and badly, to posternd's own sockets."""

import socket
import struct

from client import parse_raw

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = 1, 2, 3, 4, 5, 6
RESPONDER = 1
KEEP_CONN = 1


def record(kind, content=b"", request_id=1, version=1):
    pad = -len(content) % 8
    return struct.pack(">BBHHBx", version, kind, request_id, len(content),
                       pad) + content + b"\0" * pad


def begin(role=RESPONDER, flags=0, request_id=1):
    return record(BEGIN, struct.pack(">HB5x", role, flags), request_id)


def pair(name, value):
    out = b""
    for text in name, value:
        out += (struct.pack(">I", len(text) | 1 << 31) if len(text) > 127
                else bytes([len(text)]))
    return out + name + value


def params(method, path, body=b"", **more):
    """What nginx would send, as bytes pairs; more overrides, None drops."""
    all_params = {
        "REQUEST_METHOD": method, "DOCUMENT_URI": path, "REQUEST_URI": path,
        "SCRIPT_NAME": path, "QUERY_STRING": "", "REMOTE_ADDR": "192.0.2.1",
        "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "HTTP_HOST": "localhost"} | more
    return b"".join(
        pair(n.encode(), v if isinstance(v, bytes) else v.encode())
        for n, v in all_params.items() if v is not None)


def stream(kind, content, size=8192):
    """content as records of a kind, and the empty one that ends it."""
    out = b"".join(record(kind, content[i:i + size])
                   for i in range(0, len(content), size))
    return out + record(kind)


def request(method, path, body=b"", flags=0, **more):
    """A whole request as bytes."""
    return (begin(flags=flags)
            + stream(PARAMS, params(method, path, body, **more))
            + stream(STDIN, body))


def connect(site, pool="web", timeout=15):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(site.socket(pool))
    return s


def read_all(s):
    """Whatever comes until the other side closes."""
    out = b""
    try:
        while chunk := s.recv(65536):
            out += chunk
    except ConnectionResetError:
        pass
    return out


def exchange(site, data, pool="web"):
    with connect(site, pool) as s:
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_all(s)


def records(data):
    """The records in data, as (kind, content)."""
    found = []
    while len(data) >= 8:
        _, kind, _, length, pad = struct.unpack(">BBHHBx", data[:8])
        found.append((kind, data[8:8 + length]))
        data = data[8 + length + pad:]
    assert data == b"", data
    return found


def answer(data):
    """(status, headers, body) of a FastCGI answer."""
    assert data, "closed without an answer"
    out = b"".join(c for kind, c in records(data) if kind == STDOUT)
    head, _, body = out.partition(b"\r\n\r\n")
    status = b"200"
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = value.strip().split()[0]
    return parse_raw(b"HTTP/1.1 " + status + b" x\r\n" + head + b"\r\n\r\n"
                     + body)


def call(site, method, path, body=b"", pool="web", **more):
    return answer(exchange(site, request(method, path, body, **more), pool))
