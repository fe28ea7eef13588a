# SPDX-License-Identifier: ISC
"""Story: Postern's memory does not grow, whatever it is asked.

Spoken straight to posternd's sockets, so that its workers are busy and not
this script: 20,000 requests, 200,000 with POSTERN_SOAK=1.  The build that is
judged is one as it is installed (posterns.fast_build()): sanitizers bring an
allocator of their own.
"""

import itertools
import json
import os
import shutil
import threading

import fcgi
from conftest import NO_LIMITS
from load import query
from posterns import SOAK, fast_build, kinds, private_kib, start_other
from stack import until

GROWTH = 1.05
FIRST_USE = 64  # KiB that what happens seldom may take, the first time
REQUESTS = 200000 if SOAK else 20000
BEFORE = REQUESTS // 4  # until all is in place
CLIENTS = 3
PASSWORD = "a long enough secret"


class Mixer(threading.Thread):
    """A client that asks all there is, in turn, until it is told to stop."""

    names = itertools.count(1)

    def __init__(self, site, account, count):
        super().__init__()
        self.site, self.account, self.left = site, account, count
        self.access = self.refresh = ""
        self.name, self.statuses = f"mix{next(self.names)}", {}

    def call(self, method, path, body=None, token=None, pool="web", **more):
        if token is not None:
            more["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        if not isinstance(body, bytes):
            body = b"" if body is None else json.dumps(body).encode()
        status, _, text = fcgi.call(self.site, method, path, body, pool,
                                    **more)
        self.left -= 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return json.loads(text) if status == 200 and text[:1] == b"{" else {}

    def run(self):
        for n in itertools.count():
            for ask in (self.sign_in, self.tokens, self.wrong, self.pages,
                        self.mails, self.tokens):
                ask(n)
                if self.left <= 0:
                    return

    def sign_in(self, n):
        if n % 4 == 0:
            tokens = self.call("POST", "/auth/login", self.account,
                               pool="password")
            self.access = tokens["access_token"]
            self.refresh = tokens["refresh_token"]
        if n % 8 == 1:
            self.call("POST", "/auth/logout", token=self.access)
            self.sign_in(0)

    def tokens(self, _):
        for _ in range(4):
            self.refresh = self.call("POST", "/auth/refresh",
                                     token=self.refresh)["refresh_token"]
        self.call("POST", "/auth/refresh", token="not.a.token")
        self.call("POST", "/auth/refresh", token=self.access)
        self.call("POST", "/auth/logout", token=self.refresh)

    def wrong(self, n):
        self.call("POST", "/auth/forgot-password", b'{"email": ')
        self.call("POST", "/auth/forgot-password", b"[" * 1000)
        self.call("POST", "/auth/forgot-password", b"x" * (16 << 10))
        self.call("POST", "/auth/forgot-password", b"x" * (17 << 10))
        self.call("POST", "/auth/verify-email", {"token": "A" * 66})
        self.call("GET", f"/nowhere/{n}")
        self.call("PUT", "/auth/login")
        if n % 8 == 0:
            self.call("POST", "/auth/login", self.account | {
                "password": "another long secret"}, pool="password")

    def pages(self, _):
        for path in "/verify-email", "/reset-password":
            self.call("GET", path, HTTP_ACCEPT="text/html")
            self.call("GET", path, QUERY_STRING="token=" + "A" * 66,
                      HTTP_ACCEPT="text/html")
            self.call("POST", path, b"token=x", HTTP_ACCEPT="text/html",
                      CONTENT_TYPE="application/x-www-form-urlencoded",
                      HTTP_SEC_FETCH_SITE="same-origin",
                      pool="password")
        self.call("GET", "/healthz")
        self.call("GET", "/readyz", pool="password")

    def mails(self, n):
        if n % 16 == 0:
            self.call("POST", "/auth/register", {
                "email": f"{self.name}.{n}@example.com",
                "password": PASSWORD}, pool="password")
        self.call("POST", "/auth/forgot-password",
                  {"email": f"nobody.{n}@example.com"})


def ask(site, people, count):
    """count requests of all kinds; how many had which status."""
    mixers = [Mixer(site, p, count // CLIENTS) for p in people]
    for mixer in mixers:
        mixer.start()
    for mixer in mixers:
        mixer.join()
    assert all(mixer.left <= 0 for mixer in mixers), "a client failed"
    statuses = {}
    for mixer in mixers:
        for status, n in mixer.statuses.items():
            statuses[status] = statuses.get(status, 0) + n
    return statuses


def weigh(site):
    """{pid: (kind, KiB)}, while the mailer shares its memory with no child."""
    until(lambda: query(site, "SELECT count(*) FROM postern.mail_outbox WHERE"
                        " state = 'queued'") == [["0"]], 30, "the mails")
    return {p: (k, private_kib(p)) for p, k in kinds(site).items()}


def test_memory_is_flat(stack):
    program = os.path.join(stack.home, "posternd-memory")
    shutil.copy(os.path.join(fast_build(), "posternd"), program)
    site = start_other(
        stack, program, web_workers=2, password_workers=1,
        worker_requests=10000000, smtp_port=stack.sink.port, **NO_LIMITS)
    people = [{"email": a.email, "password": a.password}
              for a in (site.account() for _ in range(CLIENTS))]
    ask(site, people, BEFORE)
    before = weigh(site)
    statuses = ask(site, people, REQUESTS)
    after = weigh(site)
    told = (f"KiB after {BEFORE} and {REQUESTS} more requests ({statuses}): "
            + ", ".join(f"{k} {kib} -> {after.get(p, (k, 'gone'))[1]}"
                        for p, (k, kib) in before.items()))
    print(told)
    assert before.keys() == after.keys(), told
    assert not [s for s in statuses if s >= 500], told
    for pid, (_, kib) in before.items():
        assert after[pid][1] <= GROWTH * kib + FIRST_USE, told
    assert not site.stop()
