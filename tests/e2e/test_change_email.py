# SPDX-License-Identifier: ISC
"""Story: somebody moves the account to another mailbox, and somebody whose
account was moved takes it back."""

import statistics
import time

import pytest

from client import at_once, granted, next_address, refused
from test_account import audited, logged
from web import DE, EN, Browser

ASKED = "If the address can be used, a confirmation link has been sent to it"
CONFIRM = EN["mail.confirm_address.subject"]
CHANGED = EN["mail.address_changed.subject"]
TAKEN_BACK = EN["mail.address_taken_back.subject"]
RESET = "Password Reset Request"
NEW = "an entirely new secret"


PRESSED = {"/confirm-email": {"action": "confirm"},
           "/take-back": {"action": "take-back"}}


class Mover:
    """Somebody with an account, a sign-in of it, and ever more addresses."""

    def __init__(self, site, account=None):
        self.site, self.account = site, account or site.account()
        self.client = site.client()
        self.tokens = self.account.login()

    def ask(self, email, password=None):
        return self.client.post("/auth/change-email", {
            "current_password": password or self.account.password,
            "new_email": email}, token=self.tokens["access_token"])

    def link(self, email):
        """Asks for the address; the token that is mailed there."""
        before = len(self.site.sink.to(email, CONFIRM))
        granted(self.ask(email), ASKED)
        return self.site.sink.wait(email, CONFIRM, before + 1)[-1].token

    def move(self, email):
        """To that address; the token that takes it back."""
        old = self.account.email
        before = len(self.site.sink.to(old, CHANGED))
        used(self.site, "/confirm-email", self.link(email), self.account)
        self.account.email = email
        return self.account.site.sink.wait(old, CHANGED, before + 1)[-1].token

    def alive(self):
        return self.client.get("/auth/check", token=self.tokens[
            "access_token"]).status_code == 204

    def email(self):
        return self.client.get("/auth/me", token=self.tokens[
            "access_token"]).json()["email"]


def opened(site, path, token, account=None):
    """A browser with a mailed link open, signed in to the account."""
    browser = Browser(site)
    if account is not None:
        browser.sign_in(account)
    browser.open(path, token)
    return browser


def click(site, path, token, account=None):
    """Opens a mailed link and presses its button; the page that follows."""
    return opened(site, path, token, account).post(path, PRESSED[path])


def used(site, path, token, account=None):
    assert click(site, path, token, account).status_code == 303


def dead(site, path, token, account=None):
    answer = click(site, path, token, account)
    assert answer.status_code == 400, answer.text
    assert EN["page.link_dead_verify.title"] in answer.text


def login(site, email, password):
    return site.client().post("/auth/login", {
        "email": email, "password": password}).status_code


def forget(site, what, account):
    """Lets the 72 hours of an account's former addresses pass."""
    site.cluster.psql(f"UPDATE postern.address_change SET {what}"
                      f" WHERE account_id = '{account.id}'", site.database)


@pytest.fixture
def mover(site):
    return Mover(site)


@pytest.fixture(scope="module")
def settled(site):
    """One for all the tests that change nothing, with a browser."""
    mover = Mover(site)
    mover.browser = Browser(site)
    mover.browser.sign_in(mover.account)
    return mover


# The change. ----------------------------------------------------------------

def test_a_new_address_counts_once_it_is_confirmed(site, mover):
    old, new = mover.account.email, next_address()
    token = mover.link(new)
    browser = Browser(site)
    browser.sign_in(mover.account)
    page = browser.open("/confirm-email", token)
    assert page.one("strong").text == new  # the GET used nothing up
    assert mover.email() == old
    assert login(site, new, mover.account.password) == 401
    page = browser.finish("/confirm-email", page.values("confirm"))
    assert page.heading == EN["page.address_changed.title"]
    assert mover.alive() and mover.email() == new
    assert login(site, new, mover.account.password) == 200
    assert login(site, old, mover.account.password) == 401
    asked, = site.sink.to(new, CONFIRM)
    assert asked.link.startswith(site.url + "/confirm-email?token=")
    assert "24 hours" in asked.text and old not in asked.text
    mail = site.sink.wait(old, CHANGED)[0]
    assert "3 days" in mail.text and "3 days" in mail.html
    assert mail.link.startswith(site.url + "/take-back?token=")
    assert EN["mail.address_changed.you"] in mail.text
    assert not site.sink.to(new, CHANGED)
    dead(site, "/confirm-email", token)


def test_a_strangers_click_lends_no_address(site, mover):
    """Who gets the mail need not know who asked for it: the page tells enough
    to know one's own account by, and another account's owner cannot."""
    old, new = mover.account.email, next_address()
    browser = Browser(site)
    page = browser.open("/confirm-email", mover.link(new))
    masked = old[0] + "…@" + old.partition("@")[2]
    assert [s.text for s in page.all("strong")] == [new, masked]
    assert old not in page.html
    assert EN["confirm.mine"] in page.text
    assert page.one("button", value="confirm").text == EN[
        "confirm.button_mine"]
    other = site.account()
    browser.sign_in(other)
    page = browser.send("/confirm-email", PRESSED["/confirm-email"], 403)
    assert page.heading == EN["page.confirm_other.title"]
    assert list(page.all("a", href="/dashboard"))
    assert mover.email() == old
    assert other.login()["user"]["email"] == other.email
    browser.sign_out()
    browser.finish("/confirm-email", PRESSED["/confirm-email"])
    assert mover.email() == new


def test_a_taken_address_gets_the_same_answer_and_no_mail(site, mover):
    taken, free = site.account().email, next_address()
    answers = [mover.ask(taken), mover.ask(free)]
    assert answers[0].text == answers[1].text
    assert answers[0].headers.keys() == answers[1].headers.keys()
    granted(answers[0], ASKED)
    site.sink.wait(free, CONFIRM)
    assert not site.sink.to(taken, CONFIRM)


def test_a_taken_address_takes_the_same_time(open_site):
    mover = Mover(open_site)
    taken = open_site.account().email

    def seconds(email):
        began = time.monotonic()
        granted(mover.ask(email), ASKED)
        return time.monotonic() - began

    seen = []
    for _ in range(3):
        pairs = [(seconds(taken), seconds(next_address()))
                 for _ in range(10)]
        one, other = (statistics.median(t) for t in zip(*pairs))
        seen.append(one / other)
        if 0.8 <= seen[-1] <= 1.25:
            return
    raise AssertionError(f"ratios of medians: {seen}")


def test_an_address_that_is_registered_meanwhile_is_lost(site, mover):
    email = next_address()
    token = mover.link(email)
    site.account(email=email)
    dead(site, "/confirm-email", token, mover.account)
    assert mover.email() == mover.account.email


def test_of_two_who_want_an_address_one_gets_it(site):
    movers, email = [Mover(site), Mover(site)], next_address()
    browsers = [opened(site, "/confirm-email", mover.link(email),
                       mover.account) for mover in movers]
    answers = at_once([lambda b=b: b.post("/confirm-email", PRESSED[
        "/confirm-email"]) for b in browsers])
    assert sorted(a.status_code for a in answers) == [303, 400]
    assert [m.email() for m in movers].count(email) == 1


def test_ten_clicks_at_once_change_once(site, mover):
    email = next_address()
    token = mover.link(email)
    browsers = [opened(site, "/confirm-email", token, mover.account)
                for _ in range(10)]
    answers = at_once([lambda b=b: b.post("/confirm-email", PRESSED[
        "/confirm-email"]) for b in browsers])
    assert sorted(a.status_code for a in answers) == [303] + [400] * 9
    site.sink.wait(mover.account.email, CHANGED)
    site.settle_mail()
    assert len(site.sink.to(mover.account.email, CHANGED)) == 1


def test_a_reset_ends_what_was_asked_before_it(site, mover):
    token = mover.link(next_address())
    granted(site.client().post("/auth/reset-password", {
        "token": mover.account.reset_token(), "new_password": NEW}),
        "Password reset successful")
    dead(site, "/confirm-email", token)


def test_a_link_serves_its_purpose_alone(site, mover):
    confirm = mover.link(next_address())
    reset = mover.account.reset_token()
    for path, tokens in {"/confirm-email": [reset, "x", ""],
                         "/take-back": [reset, confirm, "x", "A" * 66]
                         }.items():
        for token in tokens:
            dead(site, path, token)
    for token in confirm, reset[:-1]:
        refused(site.client().post("/auth/reset-password", {
            "token": token, "new_password": NEW}), 400)
        refused(site.client().post("/auth/verify-email", {"token": token}),
                400)
    assert mover.alive()
    used(site, "/confirm-email", confirm, mover.account)


@pytest.mark.parametrize("body, status, sentence", [
    ({}, 400, "Current password and new email are required"),
    ({"new_email": "a@example.com"}, 400,
     "Current password and new email are required"),
    ({"current_password": "OWN"}, 400,
     "Current password and new email are required"),
    ({"current_password": "OWN", "new_email": " \t"}, 400,
     "Current password and new email are required"),
    ({"current_password": "OWN", "new_email": "nowhere"}, 400,
     "Invalid email format"),
    ({"current_password": "OWN", "new_email": "a@b.example\r\nTo: x"}, 400,
     "Invalid email format"),
    ({"current_password": "wrong", "new_email": "a@example.com"}, 401,
     "Invalid credentials"),
    ({"current_password": "x" * 600, "new_email": "a@example.com"}, 401,
     "Invalid credentials"),
    ({"current_password": "OWN", "new_email": "MINE"}, 400,
     "The account has this email already"),
], ids=str)
def test_a_refused_change_changes_nothing(site, settled, body, status,
                                          sentence):
    mover = settled
    mover.client = site.client()
    own = {"OWN": mover.account.password, "MINE": mover.account.email.upper()}
    body = {k: own.get(v, v) for k, v in body.items()}
    refused(mover.client.post("/auth/change-email", body,
                              token=mover.tokens["access_token"]), status,
            sentence)
    assert mover.alive() and mover.email() == mover.account.email


def test_the_own_address_is_told_and_spends_nothing(mover):
    for _ in range(6):
        refused(mover.ask(mover.account.email), 400,
                "The account has this email already")
    granted(mover.ask(next_address()), ASKED)


def test_only_who_is_signed_in_may_ask(client):
    body = {"current_password": "x", "new_email": "a@example.com"}
    refused(client.post("/auth/change-email", body), 401,
            "Authorization token is missing")
    refused(client.post("/auth/change-email", body, token="x"), 401,
            "Invalid token")


def test_the_password_cannot_be_guessed_without_end(mover):
    answers = [mover.ask(next_address(), f"guess {i}").status_code
               for i in range(7)]
    assert answers == [401] * 5 + [429] * 2


def test_an_account_cannot_mail_the_world(site, mover):
    for _ in range(5):
        granted(mover.ask(next_address()), ASKED)
        mover.client = site.client()  # whose sign-ins are counted apart
    answer = mover.ask(next_address())
    refused(answer, 429)
    assert answer.headers["RateLimit"].startswith('"change-email";')


def test_a_mailbox_gets_three_an_hour_and_no_word_of_it(site, mover):
    email = next_address()
    for _ in range(4):
        granted(mover.ask(email), ASKED)
    site.sink.wait(email, CONFIRM, 3)
    site.settle_mail()
    assert len(site.sink.to(email, CONFIRM)) == 3


# The old address. -----------------------------------------------------------

def test_a_former_address_is_kept_for_its_owner(site, mover):
    old = mover.account.email
    mover.move(next_address())
    refused(site.client().post("/auth/register", {
        "email": old.upper(), "password": NEW}), 409,
        "Email already registered")
    other = Mover(site)
    granted(other.ask(old), ASKED)
    site.settle_mail()
    assert not site.sink.to(old, CONFIRM)
    forget(site, "take_back_until = now()", mover.account)
    assert site.unverified(email=old).id


def test_back_and_forth_is_everybodys_own_right(site, mover):
    old, new = mover.account.email, next_address()
    mover.move(new)
    mover.move(old)
    assert mover.email() == old


def test_a_later_change_does_not_end_the_right_to_take_back(site, mover):
    """The account is stolen: moved twice, its password reset, its sessions
    ended.  Whoever had the mailbox before gets all of it back."""
    first, second, third = mover.account.email, next_address(), next_address()
    password = mover.account.password
    browser = Browser(site)
    browser.sign_in(mover.account)
    links = [mover.move(second), mover.move(third)]
    thief = site.client()
    granted(thief.post("/auth/reset-password", {
        "token": mover.account.reset_token(), "new_password": NEW}),
        "Password reset successful")
    mover.account.password = NEW
    mover.tokens = mover.account.login()
    browser.sign_in(mover.account)
    page = Browser(site).open("/take-back", links[0])
    assert page.one("strong").text == first and mover.alive()
    used(site, "/take-back", links[0])
    assert not mover.alive() and not browser.is_signed_in()
    refused(mover.client.post("/auth/refresh",
                              token=mover.tokens["refresh_token"]), 401)
    for email in first, second, third:
        for secret in password, NEW:
            assert login(site, email, secret) == 401
    dead(site, "/take-back", links[1])  # the thief has no such right
    dead(site, "/take-back", links[0])
    reset = site.sink.wait(first, RESET)[-1].token
    assert site.sink.wait(third, TAKEN_BACK)
    granted(site.client().post("/auth/reset-password", {
        "token": reset, "new_password": "the owner's own secret"}),
        "Password reset successful")
    assert login(site, first, "the owner's own secret") == 200
    assert site.account(email=third).login()  # free again


def test_what_was_asked_for_before_it_is_undone_too(site, mover):
    link = mover.move(next_address())
    asked = mover.link(next_address())
    used(site, "/take-back", link)
    dead(site, "/confirm-email", asked)


def test_an_earlier_owners_right_outlives_a_later_ones(site, mover):
    first, second = mover.account.email, next_address()
    links = [mover.move(second), mover.move(next_address())]
    used(site, "/take-back", links[1])
    mover.account.email = second
    assert site.sink.wait(second, RESET)
    used(site, "/take-back", links[0])
    assert site.sink.wait(first, RESET)
    events = audited(site, mover.account)
    assert events.count("account.address_changed") == 2
    assert events.count("account.address_taken_back") == 2
    assert logged(site, mover.account) == events


def test_many_changes_do_not_end_the_right(site, mover):
    """There are at most five live links a purpose, but of this one."""
    first = mover.account.email
    link = mover.move(next_address())
    for _ in range(5):
        site.cluster.psql("TRUNCATE postern.rate_limit", site.database)
        mover.move(next_address())
    used(site, "/take-back", link)
    assert site.sink.wait(first, RESET)


def test_of_ten_who_take_back_one_does(site, mover):
    link = mover.move(next_address())
    answers = at_once([lambda: click(site, "/take-back", link)] * 10)
    assert sorted(a.status_code for a in answers) == [303] + [400] * 9


def test_a_login_that_races_it_leaves_no_session(site, mover):
    link = mover.move(next_address())
    logins = at_once([
        lambda: site.client().post("/auth/login",
                                   mover.account.credentials())] * 4 + [
        lambda: click(site, "/take-back", link)])
    assert logins.pop().status_code == 303
    for answer in logins:
        assert answer.status_code in (200, 401)
        if answer.status_code == 200:
            token = answer.json()["access_token"]
            refused(site.client().get("/auth/check", token=token), 401)


def test_the_right_ends_after_72_hours(site, mover):
    link = mover.move(next_address())
    forget(site, "take_back_until = take_back_until - interval '71 hours"
           " 59 minutes'", mover.account)
    assert EN["take_back.unnamed"] not in Browser(site).open(
        "/take-back", link).html
    forget(site, "take_back_until = take_back_until - interval '1 minute'",
           mover.account)
    assert EN["take_back.unnamed"] in Browser(site).open(
        "/take-back", link).html
    dead(site, "/take-back", link)
    assert mover.alive()


# The pages. -----------------------------------------------------------------

@pytest.mark.parametrize("language, texts", [("en", EN), ("de", DE)])
def test_the_pages_lead_through_a_change(site, account, language, texts):
    browser, email = Browser(site, language), next_address()
    browser.sign_in(account)
    page = browser.get("/account/")
    assert list(page.all("a", href="/account/email"))
    browser.goes(browser.fill("/account/email", {
        "new_email": email, "current_password": account.password}),
        "/account/email?notice=sent")
    page = browser.get("/account/email?notice=sent")
    assert page.notice == texts["notice.confirmation_sent"]
    assert page.one(id="new_email")["value"] == email
    assert account.email in page.html
    mail = site.sink.wait(email)[0]
    page = browser.open("/confirm-email", mail.token)
    assert page.heading == texts["confirm.title"]
    page = browser.finish("/confirm-email", page.values("confirm"))
    assert page.heading == texts["page.address_changed.title"]
    assert list(page.all("a", href="/account/"))
    assert email in browser.get("/account/").html
    mail = site.sink.wait(account.email, count=2)[-1]
    page = browser.open("/take-back", mail.token)
    assert page.heading == texts["take_back.title"]
    page = browser.finish("/take-back", page.values("take-back"))
    assert page.heading == texts["page.address_taken_back.title"]
    assert not browser.is_signed_in()


@pytest.mark.parametrize("values, status, beside", [
    ({"new_email": "", "current_password": ""}, 400,
     {"new_email": "error.new_email_missing",
      "current_password": "error.password_missing"}),
    ({"new_email": "a@example.com"}, 400,
     {"current_password": "error.password_missing"}),
    ({"new_email": "nowhere", "current_password": "x"}, 400,
     {"new_email": "error.email_format"}),
    ({"new_email": "a@example.com", "current_password": "x"}, 401,
     {"current_password": "error.own_wrong"}),
    ({"new_email": "MINE", "current_password": "OWN"}, 400,
     {"new_email": "error.email_same"}),
], ids=str)
def test_a_mistake_is_told_beside_its_field(settled, values, status, beside):
    own = {"MINE": settled.account.email, "OWN": settled.account.password}
    browser = settled.browser
    page = browser.send("/account/email", {
        k: own.get(v, v) for k, v in values.items()}, status)
    for field in "new_email", "current_password":
        want = beside.get(field)
        assert page.beside(field) == (want and EN[want])
    assert page.one("a", href="/forgot-password").text == EN["login.forgot"]
    kept = page.one(id="new_email")["value"] or ""
    assert kept == own.get(values.get("new_email"), values.get("new_email")
                           or "")


@pytest.mark.parametrize("path", ["/account/email", "/account/delete",
                                  "/account/export"])
def test_the_own_pages_ask_to_sign_in(site, path):
    browser = Browser(site)
    answer = browser.request("GET", path)
    assert browser.goes(answer) == f"/login?next={path}"


@pytest.mark.parametrize("path", ["/account/email", "/account/delete",
                                  "/confirm-email", "/take-back"])
def test_a_form_of_another_site_is_refused(settled, path):
    browser, account = settled.browser, settled.account
    answer = browser.post(path, {
        "new_email": "a@example.com", "current_password": account.password},
        headers={"Origin": "https://evil.example",
                 "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert browser.is_signed_in()
