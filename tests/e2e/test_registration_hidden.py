# SPDX-License-Identifier: ISC
"""Story: a site tells nobody who has an account, at registration neither
(registration_conflict = hide).  The owner of the address is mailed."""

import uuid

import pytest

from client import at_once, granted, next_address, refused
from conftest import NO_LIMITS
from stack import Psql
from test_registration import DONE, GOOD, register
from test_timing import assert_alike
from web import DE, EN, Browser, Page

SUBJECT = EN["mail.address_taken.subject"]
OTHER = "an entirely new secret"


@pytest.fixture(scope="module")
def hidden_site(stack):
    site = stack.site(registration_conflict="hide", password_cost=5,
                      **NO_LIMITS | {"limit_resend_mailbox": "3/1h"})
    yield site
    assert not site.stop()


@pytest.fixture
def owner(hidden_site):
    return hidden_site.account()


def shape(answer):
    """Everything of an answer that may tell, but its time."""
    body = answer.json()
    assert uuid.UUID(body.pop("user_id")).version == 7
    return answer.status_code, body, sorted(
        (k, v) for k, v in answer.headers.items()
        if k not in ("Date", "X-Request-ID"))


def test_a_taken_address_is_answered_as_a_free_one(hidden_site, owner):
    free = register(hidden_site.client(), next_address())
    taken = register(hidden_site.client(), owner.email, OTHER)
    granted(taken, DONE, 201)
    assert shape(taken) == shape(free)
    assert taken.json()["user_id"] != owner.id


def test_the_owner_is_mailed_and_nothing_is_changed(hidden_site, owner):
    register(hidden_site.client(), owner.email.upper(), OTHER)
    mail = hidden_site.sink.wait(owner.email, SUBJECT)[0]
    for part in mail.text, mail.html:
        assert hidden_site.url + "/login" in part
        assert hidden_site.url + "/forgot-password" in part
        assert "token=" not in part and owner.email in part
    owner.login()
    answer = hidden_site.client().post("/auth/login", {
        "email": owner.email, "password": OTHER})
    refused(answer, 401, "Invalid credentials")


def test_the_owner_is_mailed_in_their_language(hidden_site, owner):
    sql = Psql(hidden_site)
    sql("UPDATE postern.account SET locale = 'de' WHERE id ="
        f" '{owner.id}'; SELECT 1")
    sql.close()
    register(hidden_site.client(), owner.email)
    mail = hidden_site.sink.wait(owner.email,
                                 DE["mail.address_taken.subject"])[0]
    assert DE["mail.address_taken.sign_in"] in mail.text


def test_the_owner_is_not_flooded(hidden_site, owner):
    answers = [register(hidden_site.client(), owner.email) for _ in range(6)]
    assert {a.status_code for a in answers} == {201}
    hidden_site.settle_mail()
    # With the mail of the first registration that is three.
    assert len(hidden_site.sink.to(owner.email, SUBJECT)) == 2


def test_who_was_never_verified_gets_the_link_again(hidden_site):
    account = hidden_site.unverified()
    granted(register(hidden_site.client(), account.email, OTHER), DONE, 201)
    mails = account.mails("Verify Your Email Address", 2)
    account.verification = mails[-1].token
    account.verify().login()
    assert hidden_site.sink.to(account.email, SUBJECT) == []


def test_a_sign_in_after_it_tells_no_more(hidden_site, owner):
    """The password just chosen: good for an account that is not verified,
    wrong for the owner's.  Both hear the same."""
    free = next_address()
    said = []
    for email in free, owner.email:
        register(hidden_site.client(), email, OTHER)
        answer = hidden_site.client().post("/auth/login", {
            "email": email, "password": OTHER})
        refused(answer, 401, "Invalid credentials")
        said.append(answer.json())
        page = Page(Browser(hidden_site).fill("/login", {
            "email": email, "password": OTHER}))
        assert page.status == 401
        assert page.alert == EN["error.credentials_hidden"]
    assert said[0] == said[1]


def test_the_page_goes_on_as_ever(hidden_site, owner):
    cookies = []
    for email in next_address(), owner.email:
        browser = Browser(hidden_site)
        browser.register(email, OTHER)
        cookies.append({n: len(v) for n, v in browser.cookies.items()})
        assert browser.get("/check-email").heading == EN["check.title"]
    assert cookies[0] == cookies[1] and cookies[0]
    # The claim that came with it is nobody's: the owner's link is not its.
    hidden_site.sink.wait(owner.email, SUBJECT)


def test_twins_that_register_at_once_both_hear_the_same(hidden_site):
    email = next_address()
    answers = at_once(lambda: register(hidden_site.client(), email)
                      for _ in range(4))
    assert {a.status_code for a in answers} == {201}
    hidden_site.settle_mail()
    sql = Psql(hidden_site)
    assert sql("SELECT count(*) FROM postern.account WHERE canonical ="
               f" '{email}'") == "1"
    sql.close()


def test_what_is_wrong_with_the_input_is_still_said(hidden_site, owner):
    refused(register(hidden_site.client(), owner.email, "short"), 400,
            "Password must be at least 8 characters")


@pytest.mark.parametrize("limit", ["1000000/1m", "3/1h"])
def test_it_takes_the_same_time(hidden_site, stack, limit):
    """Whether the owner is still mailed or had enough of it."""
    site = hidden_site
    if limit != "3/1h":
        site = stack.site(registration_conflict="hide", password_cost=5,
                          **NO_LIMITS)
    assert_alike(site, "/auth/register", [
        {"email": next_address("fresh{n}."), "password": GOOD},
        {"email": site.account().email, "password": GOOD}], 201, pairs=30)
    if site is not hidden_site:
        assert not site.stop()
