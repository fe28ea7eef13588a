# SPDX-License-Identifier: ISC
"""Story: children of the supervisor are killed at random under load; nobody
but who was being served by one notices, and nothing that was acknowledged is
lost.  8 seconds; five minutes with POSTERN_SOAK=1."""

import collections
import os
import random
import signal
import time

from books import SignOuts, check_mails, check_refresh
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
HASHING = "login", "register"  # the calls of the password pool


class Kill:
    """One child's end: when it was killed, not before and not after."""

    def __init__(self, pid, kind):
        self.pid, self.kind = pid, kind
        self.before = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self.after = time.monotonic()

    def hit(self, call):
        """Whether it can be why a call failed: it was one of the pool that
        serves the call, and came while the call was under way."""
        began, took, kind = call[:3]
        return (self.kind == ("password" if kind in HASHING else "web")
                and began <= self.after and began + took >= self.before)

    def __repr__(self):
        return f"{self.kind} {self.pid} at {self.before:.3f}"


def kill_at_random(site, seconds):
    """Kills one child after the other, of any kind; the kills."""
    kills, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = kinds(site)
        kind = random.choice(sorted(set(found.values())))
        pid = random.choice([p for p, k in found.items() if k == kind])
        try:
            kills.append(Kill(pid, kind))
        except ProcessLookupError:
            pass
        time.sleep(random.uniform(*PAUSE))
    return kills


def unexplained(failed, kills):
    """The calls for which no kill is left: a worker is at one at a time, so
    each kill explains one call that it hit."""
    kills, left = list(kills), []
    for call in sorted(failed, key=lambda c: c[0] + c[1]):
        hit = next((k for k in kills if k.hit(call)), None)
        if hit is None:
            left.append(call)
        else:
            kills.remove(hit)
    return left


def test_kill_at_random(stack):
    site = stack.site(**NO_LIMITS, web_workers=CREW["web"],
                      password_workers=CREW["password"], smtp_timeout="1s",
                      mail_retry="1s", refresh_grace="60s")
    site.expect_crash = True  # its log tells of the kills
    seed = int(os.environ.get("POSTERN_SEED") or time.time())
    random.seed(seed)
    people = accounts(site, 9)
    with SignOuts(site, people.pop()) as outs, Load(
            site, MIX, clients=8, rest=0.01, accounts=people) as load:
        load.wait(100)
        kills = kill_at_random(site, SECONDS)
        record = load.end()
    killed = collections.Counter(k.kind for k in kills)
    failed = record.wrong() + outs.wrong
    told = (f"{dict(killed)} killed in {SECONDS} s (POSTERN_SEED={seed}),"
            f" {len(failed)} failed; {record.figures()}; {len(outs.out)}"
            " signed out")
    print(told)
    left = unexplained(failed, kills)
    assert not left, f"{len(left)} by no kill: {left[:5]}; {told}; {kills}"
    assert {c[3] for c in failed} <= {0, 502}, f"{told}; {failed[:5]}"
    until(lambda: collections.Counter(kinds(site).values()) == CREW, CALM,
          f"all children: {kinds(site)}")
    check_accounts(site, record, told)
    check_sessions(site, record, outs)
    mails = check_mails(site, record.registered, killed["mailer"])
    print(f"{len(record.registered)} registered, {len(mails)} mails")
    site.stop()


def check_accounts(site, record, told):
    there = {a for [a] in query(site, "SELECT address FROM postern.account")}
    lost = set(record.registered) - there
    assert not lost, f"{len(lost)} accounts lost: {told}"


def check_sessions(site, record, outs):
    """Who was signed in still is; who was told that he is out stays out."""
    failed = sum(c[2] == "login" for c in record.wrong() + outs.wrong)
    acknowledged = record.logins + outs.logins
    [[sessions]] = query(site, "SELECT count(*) FROM postern.session")
    assert acknowledged <= int(sessions) <= acknowledged + failed, (
        f"{sessions} sessions, {acknowledged} acknowledged, {failed} failed")
    check_refresh(site, record.tokens, 200)
    check_refresh(site, outs.out, 401)
