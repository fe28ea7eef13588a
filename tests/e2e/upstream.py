# SPDX-License-Identifier: ISC
"""Applications behind the gate: each answers with what reached it, as JSON.

They speak HTTP, SCGI, uwsgi and FastCGI, so that every way in which nginx hands
over a request is seen from its other end.
"""

import io
import json
import socketserver
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPE = "application/x-echo+json"  # not JSON of ours: other rules


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        out = json.dumps({
            "method": self.command, "uri": self.path,
            "headers": [[n.lower(), v] for n, v in self.headers.items()],
            "body": body.decode("latin-1")}).encode()
        self.server.seen += 1
        self.send_response(401 if "refuse" in self.path else 200)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(out)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def log_message(self, *args):
        pass


def as_headers(params):
    return [[n[5:].lower().replace("_", "-"), v] for n, v in params
            if n.startswith("HTTP_")]


def cgi_answer(params, body):
    out = json.dumps({"headers": as_headers(params), "params": dict(params),
                      "body": body.decode("latin-1")}).encode()
    return (f"Status: 200 OK\r\nContent-Type: {TYPE}\r\n"
            f"Content-Length: {len(out)}\r\n\r\n").encode() + out


class Scgi(socketserver.StreamRequestHandler):
    def handle(self):
        size = b""
        while (c := self.rfile.read(1)) != b":":
            size += c
        fields = self.rfile.read(int(size)).decode("latin-1").split("\0")
        params = list(zip(fields[::2], fields[1::2]))
        body = self.rfile.read(1 + int(dict(params)["CONTENT_LENGTH"] or 0))[1:]
        self.wfile.write(cgi_answer(params, body))


class Uwsgi(socketserver.StreamRequestHandler):
    def text(self):
        return self.block.read(
            struct.unpack("<H", self.block.read(2))[0]).decode("latin-1")

    def handle(self):
        _, size, _ = struct.unpack("<BHB", self.rfile.read(4))
        self.block, params = io.BytesIO(self.rfile.read(size)), []
        while self.block.tell() < size:
            params.append((self.text(), self.text()))
        self.wfile.write(b"HTTP/1.0 200 OK\r\n" + cgi_answer(params, b""))


class FastCgi(socketserver.StreamRequestHandler):
    def record(self):
        _, kind, _, n, padding, _ = struct.unpack(
            ">BBHHBB", self.rfile.read(8))
        return kind, self.rfile.read(n + padding)[:n]

    def handle(self):
        parts = {4: b"", 5: b""}  # FCGI_PARAMS, FCGI_STDIN
        kind, data = self.record()
        while not (kind == 5 and data == b""):
            parts[kind] = parts.get(kind, b"") + data
            kind, data = self.record()
        out = cgi_answer(list(pairs(parts[4])), parts[5])
        self.wfile.write(
            struct.pack(">BBHHBB", 1, 6, 1, len(out), 0, 0) + out
            + struct.pack(">BBHHBB8x", 1, 3, 1, 8, 0, 0))


def pairs(data):
    """The name-value pairs of a FastCGI parameter stream."""
    at = 0

    def length():
        nonlocal at
        n, at = data[at], at + 1
        if n > 127:
            n = struct.unpack(">I", data[at - 1:at + 3])[0] & 0x7fffffff
            at += 3
        return n
    while at < len(data):
        name, value = length(), length()
        yield (data[at:at + name].decode("latin-1"),
               data[at + name:at + name + value].decode("latin-1"))
        at += name + value


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class Upstream:
    """All four, each on a port of its own."""

    def __init__(self):
        self.servers = [ThreadingHTTPServer(("127.0.0.1", 0), Echo),
                        TcpServer(("127.0.0.1", 0), Scgi),
                        TcpServer(("127.0.0.1", 0), Uwsgi),
                        TcpServer(("127.0.0.1", 0), FastCgi)]
        self.servers[0].seen = 0
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.05,),
                             daemon=True).start()
        self.http, self.scgi, self.uwsgi, self.fastcgi = (
            s.server_address[1] for s in self.servers)

    @property
    def seen(self):
        """How many requests reached the one that speaks HTTP."""
        return self.servers[0].seen

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
