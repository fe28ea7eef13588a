# SPDX-License-Identifier: ISC
"""Story: no log tells a secret.  The search itself runs when a stack stops
(Stack.stop()); here is its self-test, and what is likeliest to leak."""

import json
import os
import secrets
import signal
import subprocess

import pytest

import fcgi
import logsearch
from client import next_address
from stack import end, until

HIDDEN = {
    "a password": "correct horse battery 7",
    "a password with marks": 'p"ss w\\rd & 100%',
    "a bearer token": "prt_" + secrets.token_urlsafe(100),
    "a mailed token": secrets.token_urlsafe(49),
    "a cookie": secrets.token_urlsafe(64),
}
FORMS = {
    "whole": "{}",
    "quoted": "what=\"sent '{}' to him\"",
    "in a link": '"GET /verify-email?token={} HTTP/1.1" 200',
    "cut at its end": "token {:.40}...",
}


@pytest.fixture
def planted(tmp_path):
    """A folder like a stack's, and how to write a line into a log of it."""
    folder = tmp_path / "site1"
    folder.mkdir()
    (folder / "postern.conf").write_text("password_cost = 1\n")

    def write(line, name="posternd.log"):
        with open(folder / name, "a", encoding="utf-8") as f:
            f.write(f"2026-01-01T00:00:00.000Z info web x request=0b5c {line}"
                    "\n")
        return logsearch.search(str(tmp_path))[0]
    return write


@pytest.mark.parametrize("what, form", [
    (what, form) for what in HIDDEN for form in FORMS
    if form != "cut at its end" or "password" not in what])
def test_a_planted_secret_is_found(planted, what, form):
    secret = HIDDEN[what]
    logsearch.keep(what, secret)
    assert planted("nothing of it") == []
    problems = planted(FORMS[form].format(secret), "nginx-error.log")
    assert problems and all("nginx-error.log" in p for p in problems), problems
    assert secret not in str(problems)


def test_a_secret_nobody_handed_in_is_found(planted):
    for line in ("Bearer eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.e30.x",
                 "GET /reset-password?token=AbCdEf012345_-AbCdEf0123 x",
                 "prt_AQEBn0000000000000000", "$y$j9T$saltsalt$hashhash"):
        assert len(planted(line)) >= 1, line


def test_what_logs_hold_is_no_secret(planted):
    assert planted("request=0a1b2c3d4e5f60718293a4b5c6d7e8f9 id="
                   "01a207a0-dac0-79b3-9dfb-70eb1af55921 kind=password_changed"
                   " path=/auth/reset-password what=delivered: 250 OK") == []


@pytest.mark.parametrize("line, status", [
    ("DETAIL: Failing row contains (1).", 0), ("prt_AQEBn0000000000000000", 1),
    ("STATEMENT: SELECT 'correct horse battery'", 1), ("", 1)])
def test_logs_of_others_are_searched(tmp_path, line, status):
    """As scripts/test does with what `make check` and its PostgreSQL wrote;
    an empty log counts as one that is not there."""
    log = tmp_path / "postgresql.log"
    log.write_text(line)
    done = subprocess.run(
        ["/usr/bin/python3", "-B", logsearch.__file__, log],
        capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert "postgresql.log" in done.stdout and not done.stderr


def test_the_client_hands_in_what_it_meets(site):
    account = site.account(password=secrets.token_urlsafe(24))
    tokens = account.login()
    for secret in (account.password, account.verification,
                   tokens["access_token"], tokens["refresh_token"]):
        assert logsearch.hits(f"x {secret} y"), "not handed in"


def test_the_logs_of_a_stack_are_searched(site):
    """The list of files has what it should: an empty search finds nothing
    either."""
    names = {os.path.basename(p) for p in logsearch.logs(site.stack.home)}
    assert {"posternd.log", "postern.log", "nginx-error.log", "log"} <= names
    assert logsearch.search(site.stack.home)[1] > 1000


@pytest.fixture
def own_site(stack):
    site = stack.site()
    yield site
    site.stop()


# Where mailed links lead (src/mailer.c).
LINKED = "/verify-email", "/reset-password", "/confirm-email", "/take-back"


def test_a_link_opened_while_postern_is_away_is_not_logged(own_site):
    """nginx writes the request line of what fails into its error log."""
    email = next_address()
    answer = own_site.client().post("/auth/register", {
        "email": email, "password": "a long enough secret"})
    assert answer.status_code == 201
    mail = own_site.sink.wait(email)[0]
    end(own_site.posternd, signal.SIGTERM)
    path = mail.link.partition(own_site.url)[2]
    for page in LINKED:
        where = path.replace("/verify-email", page)
        answer = own_site.client().get(where, check=False, headers={
            "Referer": own_site.url + path})
        assert answer.status_code == 502, answer.status_code
    failed = own_site.client().get("/healthz", check=False)
    assert failed.status_code == 502
    log = os.path.join(own_site.home, "nginx-error.log")

    def text():
        with open(log, encoding="utf-8") as f:
            return f.read()
    until(lambda: "/healthz" in text(), 5, "nginx to log what failed")
    assert logsearch.hits(text()) == [], text()


def test_bad_bodies_and_headers_are_not_logged(own_site):
    """What is refused may be a secret all the same: in the wrong place."""
    client, secret = own_site.client(), secrets.token_urlsafe(40)
    logsearch.keep("a misplaced secret", secret)
    for body in (json.dumps({"email": secret, "password": secret}),
                 json.dumps({"token": secret, "new_password": 1}),
                 '{"password": "' + secret, secret):
        for path in ("/auth/login", "/auth/register", "/auth/verify-email",
                     "/auth/reset-password", "/auth/forgot-password"):
            client.raw_post(path, body.encode(), check=False)
    for header in "Authorization", "Cookie", "X-Request-ID", "Referer":
        client.get("/verify-email", headers={header: secret}, check=False)
        client.post("/auth/refresh", headers={header: "Bearer " + secret},
                    check=False)
    client.get(f"/verify-email?token={secret}", check=False)
    assert not own_site.stop()
    problems, size = logsearch.search(own_site.home)
    assert not problems and size > 500, f"{size} bytes: {problems}"


def test_debug_lines_tell_no_secret_either(open_site):
    """That instance logs at the level debug, and is searched like all."""
    secret = secrets.token_urlsafe(40)
    logsearch.keep("half a request's token", secret)
    half = fcgi.request("POST", "/auth/refresh",
                        HTTP_AUTHORIZATION="Bearer " + secret)[:-8]
    with open(open_site.log, encoding="utf-8") as f:
        f.seek(0, os.SEEK_END)
        with fcgi.connect(open_site) as s:
            s.sendall(half)
        told = ""

        def is_told():
            nonlocal told
            told += f.read()
            return " debug " in told
        until(is_told, 5, "a line of the level debug")
    assert "peer_gone" in told and logsearch.hits(told) == [], told
