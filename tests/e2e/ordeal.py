# SPDX-License-Identifier: ISC
"""A load with a fault of PostgreSQL in it, and the books afterwards."""

import time

import posterns
from books import Links, SignOuts, check_mails, check_refresh
from load import OK, Load, accounts, query

MIX = "health ready refresh refresh register login"
CLIENTS = 8
ANSWER = 2.0  # seconds within which a 503 is there
RETURN = 2.0  # and within which all is well again


def made(site):
    """The accounts of the load's clients and two more, made once a site,
    before there is a queue of mail."""
    if not hasattr(site, "made"):
        site.made = accounts(site, CLIENTS + 2)
    return site.made


def count_sessions(site):
    return int(query(site, "SELECT count(*) FROM postern.session")[0][0])


class Ordeal:
    """A load with a fault in it, and beside it somebody who signs out again
    and again and somebody who spends mailed links."""

    def __init__(self, site, fault, mix=MIX):
        self.site, before = site, posterns.kinds(site)
        people, self.links = made(site), Links(site)
        self.outs = SignOuts(site, people[CLIENTS + 1])
        self.sessions = count_sessions(site)
        with self.links, self.outs, Load(
                site, mix, CLIENTS, rest=0.003,
                accounts=people[:CLIENTS]) as load:
            load.wait(200)
            self.harmed = time.monotonic()
            self.fault = fault(site)
            time.sleep(self.fault.seconds)
            self.fault.heal()
            self.healed = time.monotonic()
            load.wait_well(self.healed, 0.6, RETURN + 0.5)
            self.record = load.end()
        after = posterns.kinds(site)
        self.replaced = [k for p, k in before.items() if p not in after]

    def refusals(self):
        return [c for c in self.record.calls if c[3] == 503]

    def wrong(self, may_be=(), since=0.0):
        """The record's, and what went wrong beside the load."""
        return self.record.wrong(may_be, since) + [
            c for c in self.links.wrong + self.outs.wrong
            if c[0] >= since and c[3] not in may_be]

    def check_answers(self):
        r, refusals, wrong = self.record, self.refusals(), self.wrong([503])
        assert not wrong, r.tell(wrong)
        assert not r.wrong(kinds=["health"]), r.tell(
            r.wrong(kinds=["health"]))
        bare = [c for c in refusals if not c[4].isdigit() or c[4] == "0"]
        assert not bare, f"{len(bare)} of {len(refusals)} 503 without" \
            " Retry-After"
        self.check_times()

    def check_times(self):
        r = self.record
        late = [c for c in r.calls + self.links.wrong + self.outs.wrong
                if c[1] > ANSWER]
        assert not late, f"over {ANSWER} s: {r.tell(late)}"

    def check_return(self):
        r, kinds = self.record, {c[2] for c in self.record.calls}
        late = self.wrong(since=self.healed + RETURN)
        assert not late, f"unwell {RETURN} s after: {r.tell(late)}"
        first = {k: min((c[0] + c[1] for c in r.calls if c[2] == k
                         and c[3] == OK[k] and c[0] >= self.healed),
                        default=float("inf")) - self.healed for k in kinds}
        assert max(first.values()) < RETURN, f"well again after {first}"
        assert not self.replaced, (
            f"replaced: {self.replaced}: " + "; ".join(
                line for line in self.site.tail(100000).splitlines()
                if " supervisor " in line))

    def check_books(self, records_lost=0):
        """Nothing acknowledged is lost, and nothing was done twice."""
        site, r = self.site, self.record
        names = ",".join(f"('{e}')" for e in r.registered + r.unknown)
        rows = query(site, f"""
            SELECT v.e, count(DISTINCT a.id), count(DISTINCT p.account_id),
              count(DISTINCT m.id), count(DISTINCT (u.at, u.event))
            FROM (VALUES {names}) v(e)
            LEFT JOIN postern.account a ON a.canonical = v.e
            LEFT JOIN postern.password p ON p.account_id = a.id
            LEFT JOIN postern.mail_outbox m ON m.account_id = a.id
              AND m.kind = 'verify'
            LEFT JOIN postern.audit_event u ON u.account_id = a.id
              AND u.event = 'account.created'
            GROUP BY v.e""")
        books = {row[0]: row[1:] for row in rows}
        lost = [e for e in r.registered if books[e] != ["1"] * 4]
        assert not lost, (
            f"{len(lost)} of {len(r.registered)} acknowledged registrations"
            f" are not there once: {[(e, books[e]) for e in lost[:5]]}")
        half = [e for e in r.unknown if books[e] not in (["1"] * 4,
                                                         ["0"] * 4)]
        assert not half, f"half done: {[(e, books[e]) for e in half]}"
        done = [e for e in r.unknown if books[e] == ["1"] * 4]
        self.check_mails(r.registered + done, records_lost)
        self.check_sessions()

    def check_mails(self, registered, records_lost):
        """One for each registration; and the mailer is back."""
        site = self.site
        mails = check_mails(site, registered, records_lost)
        first = min(m.at for m in mails if m.at > self.healed) - self.healed
        assert first < self.fault.mail_return, f"no mail for {first:.2f} s"
        began = time.monotonic()
        site.account()
        took = time.monotonic() - began
        assert took < 3, f"a new account got its mail after {took:.2f} s"

    def check_sessions(self):
        r, site, outs = self.record, self.site, self.outs
        told = r.logins + outs.logins
        refused = sum(c[2] == "login" for c in self.wrong())
        rows = count_sessions(site) - self.sessions
        assert told <= rows <= told + refused, (
            f"{rows} sessions of {told} acknowledged and {refused}"
            " refused logins")
        check_refresh(site, r.tokens, 200)
        assert outs.out, f"nobody signed out: {outs.wrong[:5]}"
        check_refresh(site, outs.out, 401)
        self.links.check()
        self.check_login()

    def check_login(self):
        some = self.record.registered[-5:] + self.record.registered[:5]
        names = ",".join(f"'{e}'" for e in some)
        query(self.site, "UPDATE postern.account SET verified_at = now()"
              f" WHERE canonical IN ({names})")
        client = self.site.client()
        for address in some:
            answer = client.post("/auth/login", {
                "email": address, "password": "a long enough secret"})
            assert answer.status_code == 200, (address, answer.text)

