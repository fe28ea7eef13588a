# SPDX-License-Identifier: ISC
"""Story: the sysadmin looks at an account, shuts it out and lets it in."""

import pytest

from client import next_address, refused
from load import query
from posterns import ctl
from stack import until


def told(site, *arguments):
    done = ctl(site, "account", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(site, tokens):
    return site.client().get("/auth/check",
                             token=tokens["access_token"]).status_code


def test_a_disabled_account_is_out_with_the_next_call(site, account):
    tokens, again = account.login(), account.login()
    assert check(site, tokens) == check(site, again) == 204
    assert "signed out everywhere" in told(site, "disable", account.email)
    assert check(site, tokens) == check(site, again) == 401
    refused(site.client().post("/auth/refresh",
                               token=again["refresh_token"]),
            401, "Invalid token")
    refused(site.client().post("/auth/login", account.credentials()),
            403, "This account is disabled")


def test_a_wrong_password_does_not_hear_that_it_is_disabled(site, account):
    told(site, "disable", account.email)
    answer = site.client().post("/auth/login", account.credentials() | {
        "password": "the wrong secret"})
    refused(answer, 401, "Invalid credentials")


def test_an_enabled_account_signs_in_and_its_old_sessions_stay_over(
        site, account):
    tokens = account.login()
    told(site, "disable", account.email)
    assert "sign in again" in told(site, "enable", account.email)
    assert check(site, tokens) == 401
    assert check(site, account.login()) == 204


def test_a_sign_out_ends_the_sessions_and_nothing_else(site, account):
    tokens = account.login()
    assert "of 1 sessions" in told(site, "sign-out", account.email)
    assert check(site, tokens) == 401
    assert check(site, account.login()) == 204


def test_what_is_shown_is_true(site, account):
    account.login()
    shown = dict(line.split(None, 1) for line in
                 told(site, "show", account.email.upper()).splitlines())
    assert shown["address"] == account.email and shown["id"] == account.id
    assert shown["verified"] != "no" and shown["disabled"] == "no"
    assert shown["sessions"] == "1"
    told(site, "disable", account.email)
    shown = told(site, "show", account.email)
    assert "disabled  no" not in shown and "sessions  0" in shown


def test_acts_are_audited(site, account):
    for verb in "disable", "enable", "sign-out":
        told(site, verb, account.email)
    events = [event for [event] in query(
        site, "SELECT event FROM postern.audit_event"
        f" WHERE account_id = '{account.id}' ORDER BY at")]
    assert events[-3:] == ["account.disabled", "account.enabled",
                           "account.signed_out"], events


@pytest.mark.parametrize("arguments, status, why", [
    (["disable", "nobody@example.com"], 1, "has no account"),
    (["show", "nonsense"], 1, "is no e-mail address"),
    (["disable"], 2, "usage:"),
    (["erase", "nobody@example.com"], 2, "usage:"),
    ([], 2, "usage:"),
], ids=str)
def test_what_cannot_be_done_is_told(site, arguments, status, why):
    done = ctl(site, "account", *arguments)
    assert done.returncode == status and why in done.stderr, done.stderr


WORDS = {"account": ["show", "nobody@example.com"], "key": ["list"],
         "mail": ["list"]}


@pytest.mark.parametrize("command", WORDS)
def test_a_database_that_does_not_let_us_in_is_told(site, command):
    done = ctl(site, command, *WORDS[command], "--database",
               f"host={site.cluster.home} dbname={site.database} user=nobody")
    assert done.returncode == 1, done.stdout
    assert 'role "nobody" does not exist' in done.stderr
    assert "be root" in done.stderr and "--database" in done.stderr


ESCAPE = "\\x1b]0;mine\\x07"


def queue(site, canonical, role="root", **columns):
    """A mail in the queue, as that role makes one."""
    columns = {"kind": "reset", "canonical": canonical} | columns
    names, values = ", ".join(columns), ", ".join(
        f"E'{value}'" for value in columns.values())
    query(site, f"SET ROLE {role}; INSERT INTO postern.mail_outbox ({names})"
          f" VALUES ({values})")


def mail_of(site, canonical):
    return query(site, "SELECT id FROM postern.mail_outbox"
                 f" WHERE canonical = E'{canonical}'")[0][0]


def test_what_a_worker_wrote_does_not_reach_the_terminal_raw(site):
    """As one that was taken over would write."""
    email = ESCAPE + "terminal@example.com"
    queue(site, email, "postern_web")
    mail = mail_of(site, email)
    until(lambda: query(site, "SELECT state FROM postern.mail_outbox"
                        f" WHERE id = '{mail}'") == [["dropped"]], 5,
          "the mailer")
    query(site, "SET ROLE postern_mailer; UPDATE postern.mail_outbox"
          f" SET last_error = E'{ESCAPE}' WHERE id = '{mail}'")
    for words in ["list", "--state", "dropped"], ["show", mail]:
        done = ctl(site, "mail", *words)
        assert "\x1b" not in done.stdout and "\x07" not in done.stdout
        assert email in done.stdout and done.stdout.count(ESCAPE) == 2


@pytest.mark.parametrize("age, late", [("2 days", True), ("1 min", False)])
def test_a_mail_older_than_its_link_is_told(site, age, late):
    email = next_address("late")
    queue(site, email, state="dead", ended_at="now", last_error="421 gone")
    mail = mail_of(site, email)
    query(site, "UPDATE postern.mail_outbox SET created_at = now() -"
          f" interval '{age}' WHERE id = '{mail}'")
    done = ctl(site, "mail", "retry", mail)
    assert done.returncode == 0 and "due now" in done.stdout, done
    assert ("too old" in done.stdout) == late, done.stdout


def test_twice_is_told(site, account):
    told(site, "disable", account.email)
    done = ctl(site, "account", "disable", account.email)
    assert done.returncode == 1 and "already" in done.stderr, done.stderr
