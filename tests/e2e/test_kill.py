# SPDX-License-Identifier: ISC
"""Story: children of the supervisor are killed at random under load; nobody
but who was being served by one notices, and nothing that was acknowledged is
lost.  8 seconds; five minutes with POSTERN_SOAK=1."""

import collections
import itertools
import os
import random
import signal
import threading
import time

from conftest import NO_LIMITS
from load import Load, accounts, query
from posterns import SOAK, kinds
from stack import until

SECONDS = 300 if SOAK else 8
PAUSE = 0.1, 0.6  # seconds between two kills: at least, at most
CREW = {"web": 4, "password": 2, "mailer": 1, "janitor": 1}
CALM = 12         # seconds until all are there again: the longest back-off
MIX = ("refresh health refresh login refresh ready refresh register refresh"
       " refresh health refresh")


class SignOuts(threading.Thread):
    """Signs in and out again and again; remembers who was told that he is
    out."""

    def __init__(self, site, account):
        super().__init__()
        self.site, self.account = site, account
        self.out, self.wrong, self.done = [], [], False
        self.start()

    def run(self):
        client = self.site.client()

        def call(path, *body, **kw):
            try:
                answer = client.post(path, *body, check=False, **kw)
            except OSError as e:
                self.wrong.append([time.monotonic(), 0, path, 0, repr(e)])
                return None
            if answer.status_code != 200:
                self.wrong.append([time.monotonic(), 0, path,
                                   answer.status_code, answer.text])
                return None
            return answer.json()
        while not self.done:
            tokens = call("/auth/login", self.account)
            if tokens and call("/auth/logout", token=tokens["access_token"]):
                self.out.append(tokens["refresh_token"])
            time.sleep(0.02)

    def end(self):
        self.done = True
        self.join()


def kill_at_random(site, seconds):
    """Kills one child after the other, of any kind; how many of which."""
    kills, deadline = collections.Counter(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = kinds(site)
        kind = random.choice(sorted(set(found.values())))
        pid = random.choice([p for p, k in found.items() if k == kind])
        try:
            os.kill(pid, signal.SIGKILL)
            kills[kind] += 1
        except ProcessLookupError:
            pass
        time.sleep(random.uniform(*PAUSE))
    return kills


def mails_by_address(site, addresses):
    found, addresses = collections.defaultdict(list), set(addresses)
    with site.sink.changed:
        for mail in site.sink.mails:
            if mail.recipient in addresses:
                found[mail.recipient].append(mail.message["Message-ID"])
    return found


def queued(site):
    [[count]] = query(site, "SELECT count(*) FROM postern.mail_outbox"
                      " WHERE state = 'queued'")
    return int(count)


def check_mails(site, registered, kills):
    """Every mail came; twice only what a killed mailer had in hand, and with
    one Message-ID."""
    if not SOAK:  # what killed mailers had leased: let the time pass
        query(site, "UPDATE postern.mail_outbox SET leased_until = now()"
              " WHERE leased_until IS NOT NULL")
        query(site, "NOTIFY postern_mail")
    left = queued(site)
    while left > 0:  # one after the other: as long as it takes
        until(lambda: queued(site) < left, 200 if SOAK else 30,
              f"one of {left} mails to go")
        left = queued(site)
    found = mails_by_address(site, registered)
    lost = [e for e in registered if e not in found]
    assert not lost, f"{len(lost)} of {len(registered)} mails lost"
    twice = [ids for ids in found.values() if len(ids) > 1]
    assert len(twice) <= kills and all(len(set(t)) == 1 for t in twice), (
        f"{len(twice)} mails came twice, {kills} kills of the mailer: {twice}")
    return len(twice)


def check_tokens(site, record, out):
    """Who was signed in still is; who was told that he is out stays out."""
    # Not more of them than nginx takes from one address.
    asked, clients = itertools.count(), [site.client()]

    def refresh(token):
        if next(asked) % 100 == 99:
            clients.append(site.client())
        return clients[-1].post("/auth/refresh", token=token).status_code
    kept = [refresh(token) for token in record.tokens]
    assert kept == [200] * len(kept), f"sessions lost: {kept}"
    ended = collections.Counter(map(refresh, out))
    assert set(ended) <= {401}, f"signed out, and yet: {ended}"


def test_kill_at_random(stack):
    site = stack.site(**NO_LIMITS, web_workers=CREW["web"],
                      password_workers=CREW["password"], smtp_timeout="1s",
                      mail_retry="1s", refresh_grace="60s")
    site.expect_crash = True  # its log tells of the kills
    seed = int(os.environ.get("POSTERN_SEED") or time.time())
    random.seed(seed)
    people = accounts(site, 9)
    outs = SignOuts(site, people.pop())
    with Load(site, MIX, clients=8, rest=0.01, accounts=people) as load:
        load.wait(100)
        kills = kill_at_random(site, SECONDS)
        record = load.end()
    outs.end()
    workers = kills["web"] + kills["password"]
    failed = record.wrong(may_be=[409]) + outs.wrong
    told = (f"{dict(kills)} killed in {SECONDS} s (POSTERN_SEED={seed}),"
            f" {len(failed)} failed; {record.figures()}; {len(outs.out)}"
            f" signed out; {failed[:5]}")
    print(told)
    assert len(failed) <= workers, told
    assert {c[3] for c in failed} <= {0, 502}, told
    again = sum(c[3] == 409 for c in record.calls)
    assert again <= len(failed), f"{again} addresses taken before: {told}"
    until(lambda: collections.Counter(kinds(site).values()) == CREW, CALM,
          f"all children: {kinds(site)}")
    check_accounts(site, record, told)
    check_tokens(site, record, outs.out)
    twice = check_mails(site, record.registered, kills["mailer"])
    print(f"{len(record.registered)} mails, {twice} of them twice")
    site.stop()


def check_accounts(site, record, told):
    there = {a for [a] in query(site, "SELECT address FROM postern.account")}
    lost = set(record.registered) - there
    assert not lost, f"{len(lost)} accounts lost: {told}"
    [[sessions]] = query(site, "SELECT count(*) FROM postern.session")
    assert int(sessions) >= record.logins, f"{sessions} sessions: {told}"
