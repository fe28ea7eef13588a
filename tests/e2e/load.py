# SPDX-License-Identifier: ISC
"""Load: many keep-alive HTTP clients, each from an address of its own, that
call without a pause and write down every answer.

Load starts this very file as a program of its own, so that the clients share
no interpreter with the tests and their mail sink.  It reads one JSON object,
the job, from stdin; writes, a line of stdout now and then, the number of
answers so far and when the last one began that was not as it should be; and when stdin closes or the job's count is reached, the record
as one line of JSON.  A record's call is

    [when it began (time.monotonic), seconds, kind, status, note]

with status 0 and the error's name as the note where no answer came, and for
a 503 its Retry-After as the note.
"""

import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time

PATIENCE = 30  # seconds for one answer
OK = {"health": 200, "ready": 200, "login": 200, "refresh": 200,
      "register": 201}


# The program: the clients. ---------------------------------------------------

class Caller(threading.Thread):
    """One client with one account, whose refresh tokens it rotates."""

    def __init__(self, job, number, stop):
        super().__init__(daemon=True)
        self.job, self.number, self.stop = job, number, stop
        self.host = job["hosts"][number]
        self.account = (job["accounts"] or [None])[
            number % max(len(job["accounts"]), 1)]
        self.calls, self.registered = [], []
        self.refused_at = 0.0
        self.logins = 0
        self.token, self.tried, self.serial = None, None, 0
        self.connection = None

    def run(self):
        mix = self.job["mix"]
        for kind in itertools.cycle(mix[self.number % len(mix):] + mix[
                :self.number % len(mix)]):
            if self.stop.is_set():
                break
            if kind == "refresh" and self.token is None:
                kind = "login"
            getattr(self, kind)()
            if self.job["rest"]:
                time.sleep(self.job["rest"])

    def health(self):
        self.call("health", "GET", "/healthz")

    def ready(self):
        self.call("ready", "GET", "/readyz")

    def login(self):
        status, body = self.call("login", "POST", "/auth/login", self.account)
        if status == 200:
            self.logins += 1
            self.token = json.loads(body)["refresh_token"]

    def refresh(self):
        status, body = self.call("refresh", "POST", "/auth/refresh",
                                 token=self.token)
        if status == 200:
            self.token = json.loads(body)["refresh_token"]
        elif status == 401:
            self.token = None

    def register(self):
        """A new address; the same one again until it is known what became
        of it (409: it was done, and the answer was lost)."""
        again = self.tried is not None
        if not again:
            self.serial += 1
            self.tried = (f"{self.job['name']}.{self.number}.{self.serial}"
                          "@example.com")
        status, _ = self.call("register", "POST", "/auth/register", {
            "email": self.tried, "password": self.job["password"]})
        if status == 409 and again:
            self.calls[-1][3:] = 201, "409 after an answer was lost"
            status = 201
        if status == 201:
            self.registered.append(self.tried)
        if status in (201, 409):
            self.tried = None

    def call(self, kind, method, path, body=None, token=None):
        headers = {"Content-Length": "0"} if method == "POST" else {}
        if body is not None:
            body = json.dumps(body)
            headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        began = time.monotonic()
        try:
            status, note, answer = self.exchange(method, path, body, headers)
        except (OSError, http.client.HTTPException) as e:
            self.connection = None
            status, note, answer = 0, repr(e), b""
        self.calls.append([began, time.monotonic() - began, kind, status,
                           note])
        if status != OK[kind]:
            self.refused_at = began
        return status, answer

    def exchange(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.job["port"], timeout=PATIENCE,
                source_address=(self.host, 0))
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP,
                                            socket.TCP_NODELAY, 1)
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status == 503:
            return 503, answer.headers.get("Retry-After", ""), text
        return answer.status, "" if answer.status < 300 else text.decode(
            "utf-8", "replace"), text


def main():
    job = json.loads(sys.stdin.readline())
    stop = threading.Event()
    callers = [Caller(job, n, stop) for n in range(len(job["hosts"]))]

    def wait_for_end():
        sys.stdin.read()
        stop.set()
    threading.Thread(target=wait_for_end, daemon=True).start()
    for caller in callers:
        caller.start()
    while not stop.is_set():
        count = sum(len(c.calls) for c in callers)
        print(count, max(c.refused_at for c in callers), flush=True)
        if job["count"] and count >= job["count"]:
            stop.set()
        stop.wait(0.02)
    for caller in callers:
        caller.join(PATIENCE + 5)
    json.dump({
        "calls": sorted(call for c in callers for call in c.calls),
        "registered": [e for c in callers for e in c.registered],
        "unknown": [c.tried for c in callers if c.tried],
        "logins": sum(c.logins for c in callers),
        "tokens": [c.token for c in callers if c.token],
    }, sys.stdout)


# The tests' side. ------------------------------------------------------------

class Record:
    """What a load saw."""

    def __init__(self, found):
        self.calls = found["calls"]
        self.registered = found["registered"]
        self.unknown, self.logins = found["unknown"], found["logins"]
        self.tokens = found["tokens"]

    def __len__(self):
        return len(self.calls)

    def wrong(self, may_be=(), since=0.0, kinds=OK):
        """The calls that were begun since then and got neither what they
        should nor what they may."""
        return [c for c in self.calls if c[0] >= since and c[2] in kinds
                and c[3] not in (OK[c[2]], *may_be)]

    def slowest(self, kinds=OK, since=0.0, before=float("inf")):
        return max((c[1] for c in self.calls if c[2] in kinds
                    and since <= c[0] < before), default=0.0)

    def figures(self):
        """Everything in one line, for an assertion's message."""
        kinds = {}
        for _, took, kind, status, _ in self.calls:
            n, most = kinds.get((kind, status), (0, 0.0))
            kinds[kind, status] = n + 1, max(most, took)
        return f"{len(self.calls)} calls: " + ", ".join(
            f"{n} {kind} {status} (<= {most:.3f} s)"
            for (kind, status), (n, most) in sorted(kinds.items()))

    def tell(self, wrong):
        """wrong, with the figures and the first few of it."""
        return f"{len(wrong)} wrong of {self.figures()}: {wrong[:5]}"


class Load:
    """A load on a site, under way until end() or count calls."""

    names = itertools.count(1)

    def __init__(self, site, mix, clients=8, count=0, rest=0.0, accounts=()):
        from client import next_host
        self.record, self.count, self.refused_at = None, 0, 0.0
        self.process = subprocess.Popen(
            [sys.executable, os.path.realpath(__file__)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        job = {"port": site.port, "mix": mix.split(), "count": count,
               "hosts": [next_host() for _ in range(clients)], "rest": rest,
               "name": f"load{os.getpid()}.{next(self.names)}",
               "password": "a long enough secret",
               "accounts": list(accounts)}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.record = Record(json.loads(line))
            else:
                count, refused = line.split()
                self.count, self.refused_at = int(count), float(refused)

    def wait(self, more, within=60):
        """Until it has had so many more answers than now."""
        goal, deadline = self.count + more, time.monotonic() + within
        while self.count < goal and self.process.poll() is None:
            assert time.monotonic() < deadline, (
                f"{self.count} of {goal} answers after {within} s")
            time.sleep(0.01)

    def wait_well(self, since, quiet, within):
        """Until nothing was refused for a while of quiet seconds, but not
        longer than within seconds; both are counted from since at least."""
        while True:
            now = time.monotonic()
            if now > since + within or now > quiet + max(self.refused_at,
                                                         since):
                return
            time.sleep(0.02)

    def end(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        return self.join()

    def join(self):
        """Its record, once it has come to its end."""
        self.reader.join()
        assert self.process.wait() == 0 and self.record is not None
        return self.record

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.record is None:
            self.end()


def query(site, sql):
    """The rows of sql on the site's database, as lists of texts."""
    from stack import as_owner, pg_program
    done = subprocess.run(
        as_owner() + [pg_program("psql"), "-qXAt", "-F", "\t", "-v",
                      "ON_ERROR_STOP=1", "-h", site.cluster.home, "-U",
                      "root", "-d", site.database, "-c", sql],
        cwd=site.home, capture_output=True, text=True, check=False,
        timeout=30)
    assert done.returncode == 0, f"{sql}: {done.stderr}"
    return [line.split("\t") for line in done.stdout.splitlines()]


def accounts(site, n):
    """Credentials of n verified accounts, made in the database: all have
    the password hash of one that was made properly."""
    model, name = site.account(), f"made{next(Load.names)}"
    query(site, f"""
        WITH made AS (
          INSERT INTO postern.account (id, address, canonical, verified_at)
          SELECT gen_random_uuid(), a, a, now() FROM
            (SELECT '{name}.' || i || '@example.com' AS a
             FROM generate_series(1, {n}) i) s RETURNING id)
        INSERT INTO postern.password (account_id, hash)
        SELECT made.id, p.hash FROM made, postern.password p
        WHERE p.account_id = '{model.id}'""")
    return [{"email": f"{name}.{i}@example.com", "password": model.password}
            for i in range(1, n + 1)]


if __name__ == "__main__":
    main()
