# SPDX-License-Identifier: ISC
"""What a site acknowledged while something was done to it, and how one sees
afterwards that it holds: mails, sign-outs, mailed links."""

import collections
import itertools
import threading
import time

from load import accounts, query
from posterns import SOAK
from stack import Psql, until

LINKS = 6  # of each kind that Links spends
PAUSE = 0.1  # seconds between two of them
NEW = "an entirely new secret"


class Doer(threading.Thread):
    """Somebody who calls beside a load, and writes down, as the load does,
    what was not answered by 200."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site, self.client = site, site.client()
        self.wrong, self.done = [], threading.Event()

    def call(self, path, *body, **kw):
        """The answer's status and JSON; 0 and None where none came."""
        began = time.monotonic()
        try:
            answer = self.client.post(path, *body, check=False, **kw)
            status, told = answer.status_code, answer.text
        except OSError as e:
            status, told = 0, repr(e)
        if status != 200:
            self.wrong.append([began, time.monotonic() - began,
                               path.rpartition("/")[2], status, told])
        return status, answer.json() if status == 200 else None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


class SignOuts(Doer):
    """Signs in and out again and again; remembers who was told that he is
    out."""

    def __init__(self, site, account):
        super().__init__(site)
        self.account, self.out, self.logins = account, [], 0

    def run(self):
        while not self.done.wait(0.02):
            _, tokens = self.call("/auth/login", self.account)
            if tokens is None:
                continue
            self.logins += 1
            status, _ = self.call("/auth/logout",
                                  token=tokens["access_token"])
            if status == 200:
                self.out.append(tokens["refresh_token"])


class Link:
    """A mailed link and what it is for."""

    subjects = {"forgot-password": "Password Reset Request",
                "resend-verification": "Verify Your Email Address"}

    def __init__(self, site, asked, account):
        self.site, self.asked, self.account = site, asked, account
        self.token, self.session, self.spent = None, None, False

    def ask(self):
        """Signs in, where one can, and asks for the mail."""
        client = self.site.client()
        if self.asked == "forgot-password":
            self.session = client.post("/auth/login", self.account).json()[
                "refresh_token"]
        client.post(f"/auth/{self.asked}", {"email": self.account["email"]})

    def fetch(self):
        self.token = self.site.sink.wait(self.account["email"],
                                         self.subjects[self.asked])[0].token

    def request(self):
        if self.asked == "forgot-password":
            return "/auth/reset-password", {"token": self.token,
                                            "new_password": NEW}
        return "/auth/verify-email", {"token": self.token}

    def check(self):
        """What it was spent for is so."""
        client, new = self.site.client(), dict(self.account)
        if self.asked == "forgot-password":
            ended = client.post("/auth/refresh", token=self.session)
            assert ended.status_code == 401, f"{new}: {ended.text}"
            old = client.post("/auth/login", new)
            assert old.status_code == 401, f"{new}: {old.text}"
            new["password"] = NEW
        answer = client.post("/auth/login", new)
        assert answer.status_code == 200, f"{new}: {answer.text}"


class Links(Doer):
    """Verifies addresses and resets passwords, one after the other, by links
    that were mailed before; tries again, as people do, until it knows that a
    link was spent."""

    def __init__(self, site):
        super().__init__(site)
        people = accounts(site, 2 * LINKS)
        names = ",".join(f"'{a['email']}'" for a in people[::2])
        query(site, "UPDATE postern.account SET verified_at = NULL"
              f" WHERE canonical IN ({names})")
        self.links = [Link(site, asked, account) for asked, account in zip(
            itertools.cycle(["resend-verification", "forgot-password"]),
            people)]
        for link in self.links:
            link.ask()
        for link in self.links:
            link.fetch()

    def run(self):
        for link in self.links:
            unknown = False
            while not link.spent:
                if self.done.wait(PAUSE):
                    return
                status, _ = self.call(*link.request())
                # Not good any more: it was done, and the answer was lost.
                link.spent = status == 200 or unknown and status == 400
                unknown |= status in (0, 502, 503)
                if link.spent and status == 400:
                    self.wrong.pop()

    def check(self):
        spent = [link for link in self.links if link.spent]
        assert {link.asked for link in spent} == set(Link.subjects), (
            f"{len(spent)} links were spent")
        for link in spent:
            link.check()


def check_refresh(site, tokens, status):
    """Every one of the refresh tokens is answered so."""
    # Not more of them than nginx takes from one address.
    clients = [site.client() for _ in range(1 + len(tokens) // 100)]
    found = collections.Counter(
        clients[n // 100].post("/auth/refresh", token=token).status_code
        for n, token in enumerate(tokens))
    assert set(found) <= {status}, f"{status} for each was due: {found}"


# The mails. ------------------------------------------------------------------

def empty_queue(site):
    """Returns when the last mail is gone.  What a mailer had leased that was
    killed, or did not hear that it has the lease, is due at once: but for a
    soak, nobody waits for two minutes."""
    sql = Psql(site)

    def queued():
        return int(sql("SELECT count(*) FROM postern.mail_outbox"
                       " WHERE state = 'queued'"))
    if not SOAK:
        sql("UPDATE postern.mail_outbox SET leased_until = now()"
            " WHERE leased_until IS NOT NULL; NOTIFY postern_mail; SELECT 1")
    left = queued()
    while left > 0:  # one after the other: as long as it takes
        until(lambda: queued() < left, 200 if SOAK else 30,
              f"one of {left} mails to go")
        left = queued()
    sql.close()


def check_mails(site, registered, records_lost=0):
    """Every mail came; twice only where the record of a delivery can have
    been lost, and with one Message-ID.  All of them."""
    empty_queue(site)
    found = {e: [] for e in registered}
    with site.sink.changed:
        mails = [m for m in site.sink.mails if m.recipient in found]
    for mail in mails:
        found[mail.recipient].append(mail.message["Message-ID"])
    lost = [e for e, ids in found.items() if not ids]
    assert not lost, f"{len(lost)} of {len(registered)} mails lost"
    twice = [ids for ids in found.values() if len(ids) > 1]
    assert len(twice) <= records_lost and all(
        len(set(t)) == 1 for t in twice), (
        f"{len(twice)} mails came twice, the records of {records_lost} can"
        f" have been lost: {twice[:5]}")
    return mails
