# SPDX-License-Identifier: ISC
"""Story: whatever the relay does, sign-up is as fast as ever, nothing is said
that must not be, and the mail arrives: once, or with one Message-ID.

The instances here wait an hour before they try again (mail_retry), so that
one session is one attempt; `posternctl mail retry` then sends it off, as a
sysadmin would.
"""

import os
import re
import signal
import statistics
import time

import pytest

import logsearch
from client import next_address
from conftest import NO_LIMITS
from faulty_smtp import STEPS, Authority, Gate, Relay, password_file
from load import query
from posterns import ctl, kinds
from stack import Psql, give, until

VERIFY = "Verify Your Email Address"
LOGIN = ("postern", "the secret of the relay")
PASSWORD = "a long enough secret"
TIMEOUT = 1          # smtp_timeout
ATTEMPT_WITHIN = 4   # it, and the three seconds the mailer adds
AWAY = 600 if os.environ.get("POSTERN_SOAK") else 3
OUTCOME = re.compile(r" mail\.(sent|retry|dead|dropped) id=(\S+) .*?"
                     r"account=(\S+) attempt=(\d+) what=(.*)")


class Post:
    """An instance with a relay that can go wrong."""

    def __init__(self, stack, relay, **options):
        self.relay = relay
        secret = password_file(stack.home, LOGIN[1])
        give(secret)
        self.site = stack.site(**NO_LIMITS | {
            "smtp_port": relay.port, "smtp_timeout": f"{TIMEOUT}s",
            "smtp_user": LOGIN[0], "smtp_password_file": secret,
            "mail_retry": "1h", "web_workers": 2} | options)
        self.client = self.site.client()
        self.times = []

    def register(self):
        """(address, account) of someone new; the time it took is kept."""
        email = next_address("post")
        began = time.monotonic()
        answer = self.client.post("/auth/register", {
            "email": email, "password": PASSWORD})
        self.times.append(time.monotonic() - began)
        assert answer.status_code == 201, answer.text
        return email, answer.json()["user_id"]

    def outcomes(self, account):
        """What the log says became of an account's mail, a try a line."""
        with open(self.site.log, encoding="utf-8", errors="replace") as f:
            return [m for m in map(OUTCOME.search, f)
                    if m and m[3] == account]

    def outcome(self, account, tries=1):
        """(event, mail's id, what) of the last of so many tries."""
        until(lambda: len(self.outcomes(account)) >= tries,
              tries * ATTEMPT_WITHIN + 4, f"try {tries} of a mail")
        found = self.outcomes(account)[-1]
        assert int(found[4]) == tries, found[0]
        return found[1], found[2], found[5]

    def retry(self, mail):
        """As the sysadmin does it; the mailer may still be at the record of
        the try before."""
        done = []

        def accepted():
            done[:] = [ctl(self.site, "mail", "retry", mail)]
            return done[0].returncode == 0
        until(accepted, 5, f"retry: {done}")

    def stop(self):
        problems = self.site.stop()
        self.relay.stop()
        assert not problems, problems


# One step, one fault. --------------------------------------------------------

@pytest.fixture(scope="module")
def post(stack):
    """No TLS, but a password: a relay on loopback, as the manual advises."""
    post = Post(stack, Relay(login=LOGIN))
    yield post
    post.stop()


FAULTS = {"hang": "hang", "drop": "drop", "4xx": "451 not now",
          "5xx": "554 not ever"}
PLAIN_STEPS = [s for s in STEPS if s not in ("STARTTLS", "TLS")]
# What ends a mail for good: the relay's word on the recipient or the message.
FINAL = {("RCPT", "5xx"), ("DATA", "5xx"), ("MESSAGE", "5xx")}


def expected(step, fault):
    if step == "QUIT":
        return "sent"
    return "dead" if (step, fault) in FINAL else "retry"


def heard_nothing_unauthenticated(session):
    """Nobody's address is told to a relay that does not know us."""
    return session.authenticated or not {"MAIL", "RCPT", "DATA"} & set(
        session.verbs)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", PLAIN_STEPS)
def test_a_fault_at_a_step(post, step, fault):
    relay, first = post.relay, len(post.relay.sessions)
    relay.plan({step: FAULTS[fault]})
    began = time.monotonic()
    email, account = post.register()
    event, mail, what = post.outcome(account)
    took = time.monotonic() - began
    session = relay.wait_session(first)
    told = f"{step} {fault}: {event} in {took:.2f} s: {what}; {session.verbs}"
    assert event == expected(step, fault), told
    assert took < ATTEMPT_WITHIN + 1, told
    assert post.times[-1] < 1, f"sign-up took {post.times[-1]:.3f} s"
    assert heard_nothing_unauthenticated(session), told
    assert not session.plan, f"the fault was not met: {told}"
    if FAULTS[fault][0] in "45" and event != "sent":
        assert FAULTS[fault][:3] in what, told
    if event != "sent":
        assert len(relay.to(email)) == 0, told
        post.retry(mail)
        assert post.outcome(account, 2)[0] == "sent"
    assert len(relay.wait(email)) == 1, (
        f"{len(relay.to(email))} mails after {told}")


def test_what_a_relay_says_back_is_not_believed_to_be_clean(post):
    """Relays quote what they refuse; the link must not reach our log."""
    relay, first = post.relay, len(post.relay.sessions)

    def quote(session):
        link = re.search(r"http\S+token=[\w-]+", session.content.decode(
            ).replace("=\r\n", "").replace("=3D", "="))[0]
        return f"554 refused: {link} <{link}> {link.partition('=')[2]}"
    relay.plan({"MESSAGE": quote})
    _, account = post.register()
    event, mail, what = post.outcome(account)
    relay.wait_session(first)
    shown = ctl(post.site, "mail", "show", mail).stdout
    assert event == "dead" and "554 refused" in what, what
    assert logsearch.hits(what + shown) == [], (what, shown)


def test_a_wrong_password_sends_nothing(post):
    """The relay offers two mechanisms; after the first refusal no other is
    tried and nothing goes unauthenticated."""
    relay, login = post.relay, post.relay.login
    first = len(relay.sessions)
    relay.login = ("postern", "another secret of the relay")
    try:
        email, account = post.register()
        event, mail, what = post.outcome(account)
    finally:
        relay.login = login
    verbs = relay.wait_session(first).verbs
    assert event == "retry" and "535" in what, what
    assert verbs.count("AUTH") == 1 and "MAIL" not in verbs, verbs
    post.retry(mail)
    assert len(relay.wait(email)) == 1


def test_a_relay_without_auth_is_sent_nothing(post):
    relay = post.relay
    first, relay.plain_auth = len(relay.sessions), False
    try:
        _, account = post.register()
        event, _, what = post.outcome(account)
    finally:
        relay.plain_auth = True
    verbs = relay.wait_session(first).verbs
    assert event == "retry" and "no AUTH" in what, what
    assert not {"MAIL", "RCPT", "DATA"} & set(verbs), verbs


# TLS. ------------------------------------------------------------------------

@pytest.fixture(scope="module")
def authority(stack):
    return Authority(os.path.join(stack.home, "tls-faults"))


@pytest.fixture(scope="module")
def tls_post(stack, authority):
    relay = Relay(login=LOGIN, tls=authority.context("DNS:localhost"),
                  plain_auth=False)
    post = Post(stack, relay, smtp_host="localhost", smtp_tls="starttls",
                smtp_ca_file=authority.file)
    post.good = relay.tls
    yield post
    post.stop()


def test_tls_and_password_as_they_should_be(tls_post):
    first = len(tls_post.relay.sessions)
    email, _ = tls_post.register()
    tls_post.relay.wait(email)
    session = tls_post.relay.wait_session(first)
    assert session.authenticated and session.server_name == "localhost"
    clear = [command for command, encrypted in session.heard
             if not encrypted]
    assert [c.split()[0] for c in clear] == ["EHLO", "STARTTLS"], clear


INJECTED = b"250-relay\r\n250 AUTH PLAIN LOGIN\r\n"
TLS_FAULTS = {
    "STARTTLS 4xx": {"STARTTLS": "454 TLS not available"},
    "STARTTLS 5xx": {"STARTTLS": "554 no TLS today"},
    "STARTTLS hang": {"STARTTLS": "hang"},
    "STARTTLS drop": {"STARTTLS": "drop"},
    "handshake hang": {"TLS": "hang"},
    "handshake drop": {"TLS": "drop"},
    "handshake garbage": {"TLS": b"250 this is no TLS\r\n" * 20},
    "answers injected with the go-ahead":
        {"STARTTLS": b"220 go ahead\r\n" + INJECTED},
    "half an answer injected": {"STARTTLS": b"220 go ahead\r\n250 AUTH PL"},
    "an empty line injected": {"STARTTLS": b"220 go ahead\r\n\r\n"},
    "answers injected after the go-ahead": {"TLS": INJECTED},
    "answers before they are asked for":
        {"GREETING": b"220 hello\r\n250-relay\r\n250 STARTTLS\r\n"},
}


@pytest.mark.parametrize("fault", TLS_FAULTS)
def test_a_fault_before_tls(tls_post, fault):
    attempt_fails_in_silence(tls_post, fault, TLS_FAULTS[fault])


def attempt_fails_in_silence(post, fault, plan):
    """An attempt that fails, and says nothing that is not for everyone;
    then the relay is well again and gets the mail."""
    relay, first = post.relay, len(post.relay.sessions)
    relay.plan(plan)
    began = time.monotonic()
    email, account = post.register()
    event, mail, what = post.outcome(account)
    took = time.monotonic() - began
    session = relay.wait_session(first)
    told = f"{fault}: {event} in {took:.2f} s: {what}; {session.heard}"
    assert event == "retry" and relay.to(email) == [], told
    assert took < ATTEMPT_WITHIN + 1, told
    assert not {"AUTH", "MAIL", "RCPT", "DATA"} & set(session.verbs), told
    assert not session.authenticated, told
    relay.tls = post.good
    post.retry(mail)
    assert post.outcome(account, 2)[0] == "sent", told
    assert len(relay.wait(email)) == 1, told


CERTIFICATES = {
    "self-signed": ("DNS:localhost", {"self_signed": True}, "self"),
    "expired": ("DNS:localhost", {"expired": True}, "expired"),
    "for another host": ("DNS:mail.example.org", {}, "mismatch"),
    "for the address alone": ("IP:127.0.0.1", {}, "mismatch"),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_certificate_that_does_not_hold(tls_post, authority, kind):
    names, how, word = CERTIFICATES[kind]
    tls_post.relay.tls = authority.context(names, **how)
    first = len(tls_post.site.tail(10000))
    attempt_fails_in_silence(tls_post, kind, {})
    assert word in tls_post.site.tail(10000)[first:], (
        f"{kind}: the log does not say why")


def test_a_certificate_of_a_stranger(tls_post, stack):
    stranger = Authority(os.path.join(stack.home, "tls-faults"), "stranger")
    tls_post.relay.tls = stranger.context("DNS:localhost")
    attempt_fails_in_silence(tls_post, "stranger", {})


def test_no_starttls_where_it_is_required(tls_post):
    tls_post.relay.tls = None
    attempt_fails_in_silence(tls_post, "no STARTTLS", {})


@pytest.mark.parametrize("step", ["EHLO", "AUTH", "MESSAGE"])
def test_a_hang_behind_tls_is_cut_off(tls_post, step):
    """The first EHLO is answered before TLS; the fault meets the second."""
    relay, first = tls_post.relay, len(tls_post.relay.sessions)

    def second(session):
        session.plan["EHLO"] = "hang"
        return "220 go ahead"
    relay.plan({"STARTTLS": second} if step == "EHLO" else {step: "hang"})
    began = time.monotonic()
    email, account = tls_post.register()
    event, mail, what = tls_post.outcome(account)
    took = time.monotonic() - began
    relay.wait_session(first)
    assert event == "retry" and took < ATTEMPT_WITHIN + 1, (
        f"{step}: {event} in {took:.2f} s: {what}")
    tls_post.retry(mail)
    assert len(relay.wait(email)) == 1


# Away. -----------------------------------------------------------------------

@pytest.fixture(scope="module")
def away_post(stack):
    post = Post(stack, Relay(login=LOGIN), mail_retry="1s")
    yield post
    post.stop()


def median_of(post, n):
    first = len(post.times)
    people = [post.register() for _ in range(n)]
    return statistics.median(post.times[first:]), people


def test_sign_up_is_as_fast_as_ever(away_post):
    """Rounds of three relays, so that a busy machine slows down all alike:
    a good one, one that hangs, none at all."""
    post, relay, rounds, people = away_post, away_post.relay, [], []
    median_of(post, 5)
    for _ in range(3):
        figures = []
        for always in {}, {"GREETING": "hang"}, None:
            relay.always = always or {}
            if always is None:
                relay.stop()
            figure, more = median_of(post, 8)
            if always is None:
                relay.start()
            figures.append(figure)
            people += more
        rounds.append(figures)
    relay.always = {}
    good, hangs, none = (statistics.median(r[i] for r in rounds)
                         for i in range(3))
    assert max(hangs, none) < 1.5 * good + 0.01, (
        f"sign-up takes {1000 * good:.1f} ms with a good relay,"
        f" {1000 * hangs:.1f} ms with one that hangs, {1000 * none:.1f} ms"
        " with none")
    for email, _ in people:
        assert len(relay.wait(email, within=30)) == 1


def test_a_relay_that_was_away_gets_every_mail(away_post):
    """Ten minutes with POSTERN_SOAK=1, scaled down to seconds else.  The
    pauses double, so the last mail comes within as long again."""
    post, relay = away_post, away_post.relay
    relay.stop()
    gone = time.monotonic()
    people = [post.register() for _ in range(10)]
    tries = [post.outcomes(account) for _, account in people]
    time.sleep(AWAY - (time.monotonic() - gone))
    relay.start()
    back = time.monotonic()
    for email, _ in people:
        relay.wait(email, within=AWAY + 10)
    late = max(relay.to(email)[0].at - back for email, _ in people)
    counts = [len(relay.to(email)) for email, _ in people]
    tries = sum(len(post.outcomes(account)) for _, account in people)
    assert counts == [1] * len(people), (
        f"{counts} mails after {AWAY} s away, the last {late:.1f} s after its"
        f" return, {tries} tries")
    assert late < AWAY + 4, f"{late:.1f} s after {AWAY} s away"


# The record of a delivery. ---------------------------------------------------

@pytest.fixture(scope="module")
def frail_post(stack):
    post = Post(stack, Relay(login=LOGIN), mail_retry="1s")
    post.site.expect_crash = True  # its log tells of the kills
    yield post
    post.stop()


def mailer_of(site):
    return next(p for p, k in kinds(site).items() if k == "mailer")


class Lock:
    """Holds the lock of a mail's row until it is let go."""

    def __init__(self, site, mail):
        self.psql = Psql(site)
        assert mail == self.psql("BEGIN; SELECT id FROM postern.mail_outbox"
                                 f" WHERE id = '{mail}' FOR UPDATE")

    def let_go(self):
        self.psql.close()


def hold_the_record(post):
    """A mail the relay has taken (250), while its record waits for a lock.
    Returns the address, the lock, and the mailer's backend."""
    gate = Gate()
    post.relay.plan({"MESSAGE": gate})
    email, account = post.register()
    gate.wait_for()
    [[mail]] = query(post.site, "SELECT id FROM postern.mail_outbox"
                     f" WHERE account_id = '{account}'")
    lock = Lock(post.site, mail)
    gate.open()
    waiting = ("SELECT pid FROM pg_stat_activity WHERE datname ="
               " current_database() AND usename = 'postern_mailer' AND"
               " wait_event_type = 'Lock'")
    until(lambda: query(post.site, waiting), 5, "the record to wait")
    assert len(post.relay.to(email)) == 1
    return email, account, lock, query(post.site, waiting)[0][0]


def expire_leases(site):
    """Makes the time of the leases pass, and wakes the mailer."""
    query(site, "UPDATE postern.mail_outbox SET leased_until = now()"
          " WHERE leased_until IS NOT NULL")
    query(site, "NOTIFY postern_mail")


def state_of(post, account):
    return query(post.site, "SELECT state FROM postern.mail_outbox WHERE"
                 f" account_id = '{account}'")[0][0]


def ids_of(mails):
    return [m.message["Message-ID"] for m in mails]


def test_a_mailer_killed_between_the_250_and_the_commit(frail_post):
    """The one case in which a mail comes twice: then with one Message-ID,
    and the link of the first is good."""
    post = frail_post
    email, account, lock, backend = hold_the_record(post)
    os.kill(mailer_of(post.site), signal.SIGKILL)
    query(post.site, f"SELECT pg_terminate_backend({backend})")
    lock.let_go()
    assert state_of(post, account) == "queued"
    expire_leases(post.site)
    mails = post.relay.wait(email, 2)
    until(lambda: state_of(post, account) == "sent", 5, "the record")
    time.sleep(1.5)
    mails = post.relay.to(email)
    assert len(mails) == 2 and len(set(ids_of(mails))) == 1, (
        f"{len(mails)} mails, Message-IDs {set(ids_of(mails))}")
    answer = post.client.post("/auth/verify-email",
                              {"token": mails[0].token})
    assert answer.status_code == 200, answer.text


def test_a_record_that_only_waits_is_not_lost(frail_post):
    """The mailer lives, its connection does not: it records on a new one."""
    post = frail_post
    email, account, lock, backend = hold_the_record(post)
    query(post.site, f"SELECT pg_terminate_backend({backend})")
    lock.let_go()
    until(lambda: state_of(post, account) == "sent", 8, "the record")
    expire_leases(post.site)
    time.sleep(1)
    assert len(post.relay.to(email)) == 1, (
        f"{len(post.relay.to(email))} mails")


def test_a_mailer_killed_before_the_250(frail_post):
    """Its session goes with it; the relay has nothing, and the mail comes
    once."""
    post, gate, first = frail_post, Gate(), len(frail_post.relay.sessions)
    post.relay.plan({"DATA": gate})
    email, account = post.register()
    gate.wait_for()
    killed = mailer_of(post.site)
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in kinds(post.site) and "mailer" in
          kinds(post.site).values(), 5, "a new mailer")
    gate.open()
    session = post.relay.wait_session(first, within=5)
    assert post.relay.to(email) == [], session.heard
    expire_leases(post.site)
    post.relay.wait(email)
    until(lambda: state_of(post, account) == "sent", 5, "the record")
    assert len(post.relay.to(email)) == 1


def test_a_relay_that_keeps_the_mail_and_hangs_up(frail_post):
    """The delivery's record was lost on the way: the same Message-ID."""
    frail_post.relay.plan({"MESSAGE": "keep"})
    email, account = frail_post.register()
    mails = frail_post.relay.wait(email, 2)
    assert frail_post.outcome(account, 2)[0] == "sent"
    assert len(mails) == 2 and len(set(ids_of(mails))) == 1, ids_of(mails)


def test_a_leaving_mailer_finishes_the_mail_in_hand(frail_post):
    """A reload replaces the mailer in the middle of a session."""
    post, gate = frail_post, Gate()
    post.relay.plan({"RCPT": gate})
    email, account = post.register()
    gate.wait_for()
    mailer = mailer_of(post.site)
    post.site.posternd.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    gate.open()
    post.relay.wait(email)
    until(lambda: not os.path.exists(f"/proc/{mailer}"), 10, "it to leave")
    assert state_of(post, account) == "sent"
    expire_leases(post.site)
    time.sleep(0.5)
    assert len(post.relay.to(email)) == 1, ids_of(post.relay.to(email))


# The sysadmin's hand. --------------------------------------------------------

def listed(site, *more):
    """{id: [kind, state, attempts, ...]} of `posternctl mail list`."""
    done = ctl(site, "mail", "list", *more)
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line.split()[1:]
            for line in done.stdout.splitlines() if re.match("[0-9a-f]{8}-",
                                                             line)}


def test_a_dead_mail_is_listed_shown_and_sent_again(post):
    post.relay.plan({"RCPT": "550 no such mailbox"})
    email, account = post.register()
    event, mail, _ = post.outcome(account)
    until(lambda: mail in listed(post.site, "--state", "dead"), 5, "the list")
    row = listed(post.site)[mail]
    assert event == "dead" and row[:3] == ["verify", "dead", "1"], row
    shown = ctl(post.site, "mail", "show", mail).stdout
    assert email in shown and "550 no such mailbox" in shown, shown
    post.retry(mail)
    assert len(post.relay.wait(email)) == 1
    assert mail not in listed(post.site)
    until(lambda: mail in listed(post.site, "--state", "sent"), 5, "the list")
    again = ctl(post.site, "mail", "retry", mail)
    assert again.returncode == 1 and "not queued or dead" in again.stderr
    assert len(post.relay.to(email)) == 1


def test_a_waiting_mail_is_listed_and_dropped(post):
    post.relay.plan({"MAIL": "451 later"})
    email, account = post.register()
    _, mail, _ = post.outcome(account)
    until(lambda: "451 later" in ctl(post.site, "mail", "show", mail).stdout,
          5, "the reason")
    assert listed(post.site)[mail][:3] == ["verify", "queued", "1"]
    done = ctl(post.site, "mail", "drop", mail)
    assert done.returncode == 0, done.stderr
    assert mail not in listed(post.site)
    assert mail in listed(post.site, "--state", "dropped")
    for verb in "retry", "drop":
        assert ctl(post.site, "mail", verb, mail).returncode == 1
    assert post.relay.to(email) == []


def test_a_mail_in_hand_is_not_taken_away(post):
    gate = Gate()
    post.relay.plan({"RCPT": gate})
    email, account = post.register()
    gate.wait_for()
    [mail] = [m for m, row in listed(post.site).items()
              if email in row]
    for verb in "retry", "drop":
        done = ctl(post.site, "mail", verb, mail)
        assert done.returncode == 1 and "being sent" in done.stderr, done
    gate.open()
    post.outcome(account)
    assert len(post.relay.wait(email)) == 1


@pytest.mark.parametrize("arguments, status", [
    (["show", "00000000-0000-0000-0000-000000000000"], 1),
    (["retry", "not-an-id"], 1), (["drop"], 2), (["vanish", "x"], 2), ([], 2),
    (["list", "--state", "deda"], 2), (["list", "--stat"], 2),
])
def test_posternctl_mail_refuses(post, arguments, status):
    done = ctl(post.site, "mail", *arguments)
    assert done.returncode == status and done.stderr, done
