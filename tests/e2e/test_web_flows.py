# SPDX-License-Identifier: ISC
"""Story: people use the pages with JavaScript off, from the first visit to
the last sign-out."""

import base64
from unittest.mock import ANY

import pytest

from client import next_address, refused
from web import DE, EN, Browser, Page, catalogue, check_page

SECRET, OTHER = "a long enough secret", "an entirely new secret"


@pytest.fixture
def browser(site):
    return Browser(site)


def other(site):
    return Browser(site)


class Person:
    """An address and a password, known to nobody yet."""

    def __init__(self, password=SECRET):
        self.email, self.password = next_address("web"), password

    def credentials(self):
        return {"email": self.email, "password": self.password}


def token(site, address, subject="Verify Your Email Address", count=1):
    return site.sink.wait(address, subject, count)[-1].token


def registered(browser, password=SECRET):
    """Who registered on the page, and the token that was mailed."""
    person = Person(password)
    browser.register(person.email, person.password)
    return person, token(browser.site, person.email)


def test_from_registration_to_sign_out(site, browser):
    home = browser.get("/")
    assert {"/login", "/register"} <= {a["href"] for a in home.all("a")}
    person, link = registered(browser)
    page = browser.get("/check-email")
    assert page.heading == EN["check.title"]
    assert EN["check.verify"].replace("{{email}}", person.email) in page.text
    assert page.values() == {"email": person.email}
    page = browser.open("/verify-email", link)
    assert person.email in page.text
    done = browser.finish("/verify-email", page.values("verify"))
    assert done.heading == EN["page.verified.title"]
    assert done.one("a", href="/login").text == EN["page.verified.link"]
    assert browser.sign_in(person) == "/dashboard"
    page = browser.get("/dashboard")
    shown = [dd.text for dd in page.all("dd")]
    assert person.email in shown and browser.client.host in shown
    assert browser.sign_out() == "/login?notice=signed-out"
    assert browser.get("/login?notice=signed-out").notice \
        == EN["notice.signed_out"]
    assert not browser.is_signed_in()


def test_a_forgotten_password_is_replaced(site, account, browser):
    elsewhere = other(site)
    elsewhere.sign_in(account)
    browser.goes(browser.fill("/forgot-password", {"email": account.email}),
                 "/check-email?about=reset")
    assert EN["check.reset"].replace("{{email}}", account.email) \
        in browser.get("/check-email?about=reset").text
    link = token(site, account.email, "Password Reset Request")
    page = browser.open("/reset-password", link)
    assert account.email in page.text
    done = browser.finish("/reset-password",
                        page.values() | {"new_password": OTHER})
    assert done.heading == EN["page.password_reset.title"]
    assert not elsewhere.is_signed_in()
    page = Page(browser.fill("/login", account.credentials()))
    assert page.status == 401 and page.alert == EN["error.credentials"]
    account.password = OTHER
    assert browser.sign_in(account) == "/dashboard"


def test_a_reset_link_works_once(site, account, browser):
    link = account.reset_token()
    page = browser.open("/reset-password", link)
    browser.finish("/reset-password", page.values() | {"new_password": OTHER})
    page = browser.open("/reset-password", link)
    assert account.email not in page.text
    page = browser.send("/reset-password",
                        page.values() | {"new_password": SECRET}, 400)
    assert page.heading == EN["page.link_dead_reset.title"]
    assert list(page.all("a", href="/forgot-password"))
    account.password = OTHER
    account.login()


@pytest.mark.parametrize("path", ["/verify-email", "/reset-password",
                                  "/confirm-email", "/take-back"])
@pytest.mark.parametrize("word", ["done", "disowned"])
def test_no_link_makes_a_page_say_that_it_is_done(browser, path, word):
    page = browser.open(path, word)
    assert list(page.all("form"))
    assert word not in browser.cookies.values()


@pytest.mark.parametrize("typed, shown", [
    ("<b>&amp;\"'@x", "<b>&amp;\"'@x"), ("  a@b ", "a@b"),
    ("ü" * 200, "ü" * 127), ("x" + "€" * 100, "x" + "€" * 84)], ids=ascii)
def test_what_was_typed_is_shown_again(browser, typed, shown):
    browser.goes(browser.fill("/forgot-password", {"email": typed}),
                 "/check-email?about=reset")
    page = browser.get("/check-email?about=reset")
    assert EN["check.reset"].replace("{{email}}", shown) in page.text
    assert browser.get("/check-email").values() == {"email": shown}


@pytest.mark.parametrize("value", [
    "", "x", "%%%", base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    base64.urlsafe_b64encode(b"a\0b").decode(),
    base64.urlsafe_b64encode(b"a" * 255).decode(), "A" * 4000],
    ids=lambda v: v[:9])
def test_a_cookie_that_is_not_ours_names_nobody(browser, value):
    browser.cookies = {"postern_mailed": value.rstrip("=")}
    assert EN["check.verify_unnamed"] in browser.get("/check-email").text


def test_the_mail_can_be_had_again(site, browser):
    person, _ = registered(browser)
    browser.goes(browser.fill("/check-email", {"email": person.email}),
                 "/check-email?sent=1")
    page = browser.get("/check-email?sent=1")
    assert page.notice == EN["notice.mail_sent"]
    assert page.values() == {"email": person.email}
    page = browser.open("/verify-email", token(site, person.email, count=2))
    browser.finish("/verify-email", page.values("verify"))
    assert browser.sign_in(person) == "/dashboard"


def test_who_is_not_verified_is_offered_the_mail_at_sign_in(site, browser):
    person, _ = registered(browser)
    page = check_page(Page(browser.fill("/login", person.credentials())))
    assert page.status == 400 and page.alert == EN["error.unverified"]
    resend = page.one("form", action="/check-email")
    values = {i["name"]: i["value"] for i in resend.all("input")}
    assert values == {"email": person.email}
    browser.goes(browser.post("/check-email", values), "/check-email?sent=1")
    token(site, person.email, count=2)


def test_forms_answer_alike_whether_the_address_is_known(site, account):
    def told(path, email):
        answer = other(site).fill(path, {"email": email})
        return answer.status_code, answer.headers["Location"]
    for path in "/forgot-password", "/check-email":
        known = [told(path, email) for email in (
            account.email, next_address("nobody"), "no address at all")]
        assert known[0][0] == 303 and len(set(known)) == 1
    page = [Page(other(site).fill("/login", {
        "email": email, "password": OTHER})) for email in
        (account.email, next_address("nobody"), "no address at all")]
    assert {(p.status, p.alert) for p in page} \
        == {(401, EN["error.credentials"])}


def test_signed_in_people_need_no_form(site, account, browser):
    browser.sign_in(account)
    browser.goes(browser.request("GET", "/login"), "/dashboard")
    browser.goes(browser.request("GET", "/login?next=/x?y=1"), "/x?y=1")
    browser.goes(browser.request("GET", "/register"), "/dashboard")
    assert list(browser.get("/").all("a", href="/dashboard"))


def test_the_dashboard_asks_strangers_to_sign_in(site, account, browser):
    browser.goes(browser.request("GET", "/dashboard"),
                 "/login?next=/dashboard")
    assert browser.sign_in(account, "/login?next=/dashboard") == "/dashboard"


# Sessions. ------------------------------------------------------------------

def session(browser):
    return dict(browser.cookies)


def test_a_sign_out_ends_the_session_at_once(site, account, browser):
    browser.sign_in(account)
    kept = session(browser)
    browser.sign_out()
    assert browser.cookies == {}
    browser.cookies = kept
    assert not browser.is_signed_in()
    answer = browser.post("/dashboard", {"action": "sign-out"})
    browser.goes(answer)


def test_a_sign_out_leaves_other_browsers_alone(site, account, browser):
    elsewhere = other(site)
    elsewhere.sign_in(account)
    browser.sign_in(account)
    browser.sign_out()
    assert elsewhere.is_signed_in()


def test_a_sign_in_ends_the_session_it_is_sent_with(site, account, browser):
    browser.sign_in(account)
    kept = session(browser)
    someone = site.account()
    browser.goes(browser.post("/login", someone.credentials()))
    assert session(browser) != kept and browser.is_signed_in()
    assert someone.email in browser.get("/dashboard").text
    browser.cookies = kept
    assert not browser.is_signed_in()


def test_a_failed_sign_in_ends_nothing(site, account, browser):
    browser.sign_in(account)
    values = account.credentials() | {"password": OTHER}
    browser.send("/login", values, 401)
    assert browser.is_signed_in()


def test_another_button_of_the_dashboard_ends_nothing(
        site, account, browser):
    browser.sign_in(account)
    browser.goes(browser.post("/dashboard", {"action": "x"}), "/dashboard")
    assert browser.is_signed_in()


@pytest.mark.parametrize("harm", [
    lambda v: v[:-1], lambda v: v + "A", lambda v: v[:-6] + "AAAAAA",
    lambda v: "B" + v[1:], lambda v: "", lambda v: "x" * 3000,
    lambda v: v + "=", lambda v: v.swapcase(),
], ids=["cut", "longer", "secret", "version", "empty", "huge", "padded",
        "letters"])
def test_a_session_cookie_counts_whole_only(site, account, browser, harm):
    browser.sign_in(account)
    good = session(browser)
    browser.cookies = {n: harm(v) for n, v in good.items()}
    assert not browser.is_signed_in()
    browser.cookies = good
    assert browser.is_signed_in()


def test_a_session_cookie_of_another_account_is_none(site, browser):
    """The account stands in the cookie, and is no secret."""
    browser.sign_in(site.account())
    mine = session(browser)
    someone = other(site)
    someone.sign_in(site.account())
    (name, a), (_, b) = *mine.items(), *someone.cookies.items()
    a, b = (bytearray(base64.urlsafe_b64decode(v + "==")) for v in (a, b))
    a[1:17] = b[1:17]
    mixed = base64.urlsafe_b64encode(bytes(a)).rstrip(b"=").decode()
    browser.cookies = {name: mixed}
    assert not browser.is_signed_in()


# The claim: a stranger gains nothing by the owner's click. -------------------

def test_the_browser_that_registered_needs_one_click(site, browser):
    person, link = registered(browser)
    page = browser.open("/verify-email", link)
    assert not list(page.all("input", type="password"))
    assert len(list(page.all("button"))) == 1
    browser.finish("/verify-email", page.values("verify"))
    assert browser.cookies == {"postern_verify": "done",
                               "postern_mailed": ANY}
    assert browser.sign_in(person) == "/dashboard"


@pytest.mark.parametrize("claim", ["none", "other", "forged", "cut"])
def test_elsewhere_the_click_alone_verifies_nothing(site, browser, claim):
    mine = other(site)
    person, link = registered(mine)
    name, value = next((n, v) for n, v in mine.cookies.items()
                       if "claim" in n)
    if claim == "other":
        registered(browser)
    elif claim == "forged":
        browser.cookies[name] = value[:-4] + "AAAA"
    elif claim == "cut":
        browser.cookies[name] = value[:-1]
    page = browser.open("/verify-email", link)
    assert list(page.all("input", type="password"))
    browser.send("/verify-email", {"action": "verify"}, 400)
    browser.send("/verify-email", {}, 400)
    refused(site.client().post("/auth/login", person.credentials()), 403)


def test_elsewhere_the_chosen_password_verifies(site, browser):
    person, link = registered(other(site))
    page = browser.open("/verify-email", link)
    values = page.values("verify")
    page = browser.send("/verify-email", values | {"password": OTHER}, 401)
    assert page.beside("password") == EN["error.password_wrong"]
    refused(site.client().post("/auth/login", person.credentials()), 403)
    browser.finish("/verify-email", values | {"password": SECRET})
    assert browser.sign_in(person) == "/dashboard"


@pytest.mark.parametrize("action, field", [
    ("verify", "password"), ("new-password", "new_password")])
def test_guesses_with_a_link_are_limited_as_at_the_sign_in(
        site, browser, action, field):
    person, link = registered(other(site))
    values = browser.open("/verify-email", link).values(action)
    for _ in range(4):
        browser.send("/verify-email", {"action": "verify",
                                       "password": OTHER}, 401)
    browser.send("/login", {"email": person.email, "password": OTHER}, 401)
    page = browser.send("/verify-email", values | {field: SECRET}, 429)
    assert int(page.headers["Retry-After"]) >= 1
    refused(site.client().post("/auth/login", person.credentials()), 403)


@pytest.mark.parametrize("change", [
    "verified_at = now()", "verified_at = now(), epoch = epoch + 1",
    "epoch = epoch + 1", "disabled_at = now()"])
def test_a_link_tells_nobody_whether_a_password_is_right(
        site, browser, change):
    """Once its account is verified, banned or of another epoch."""
    person, link = registered(other(site))
    site.cluster.psql(f"UPDATE postern.account SET {change}"
                      f" WHERE canonical = '{person.email}'", site.database)
    values = browser.open("/verify-email", link).values("verify")
    told = set()
    for password in SECRET, OTHER, "":
        browser.open("/verify-email", link)
        answer = browser.post("/verify-email",
                              values | {"password": password})
        told.add((answer.status_code, answer.headers.get("Location"),
                  answer.text))
    assert len(told) == 1
    assert (told.pop()[0] == 400) is ("verified_at" not in change)


def test_elsewhere_a_new_password_shuts_the_stranger_out(site, browser):
    stranger = other(site)
    person, link = registered(stranger, "chosen by a stranger")
    page = browser.open("/verify-email", link)
    values = page.values("new-password")
    done = browser.finish("/verify-email", values | {"new_password": OTHER})
    assert done.heading == EN["page.verified.title"]
    answer = stranger.fill("/login", person.credentials())
    assert Page(answer).alert == EN["error.credentials"]
    refused(site.client().post("/auth/login", person.credentials()), 401)
    person.password = OTHER
    assert browser.sign_in(person) == "/dashboard"


def test_the_strangers_claim_is_worth_nothing_without_the_mail(
        site, browser):
    person, _ = registered(browser, "chosen by a stranger")
    page = browser.get("/verify-email")
    browser.send("/verify-email", page.values("verify"), 400)
    refused(site.client().post("/auth/login", person.credentials()), 403)


def test_elsewhere_it_may_not_have_been_me(site, browser):
    stranger = other(site)
    person, link = registered(stranger)
    page = browser.open("/verify-email", link)
    done = browser.finish("/verify-email", page.values("not-me"))
    assert done.heading == EN["page.disowned.title"]
    answer = stranger.fill("/login", person.credentials())
    assert Page(answer).alert == EN["error.credentials"]
    stranger.open("/verify-email", link)
    stranger.send("/verify-email", {"action": "verify"}, 400)
    browser.register(person.email, OTHER)  # the address is free again


@pytest.mark.parametrize("change", ["disabled_at = now()",
                                    "epoch = epoch + 1"])
def test_a_ban_is_not_lifted_by_it(site, browser, change):
    person, link = registered(other(site))
    site.cluster.psql(f"UPDATE postern.account SET {change}"
                      f" WHERE canonical = '{person.email}'", site.database)
    browser.open("/verify-email", link)
    browser.send("/verify-email", {"action": "not-me"}, 400)
    refused(site.client().post("/auth/register", person.credentials()), 409)


@pytest.mark.parametrize("values", [
    {"action": "not-me"}, {"action": "new-password", "new_password": OTHER}],
    ids=["not-me", "new-password"])
def test_a_used_link_changes_no_account(site, account, browser, values):
    browser.open("/verify-email", account.verification)
    browser.send("/verify-email", values, 400)
    account.login()
    refused(site.client().post("/auth/login", account.credentials() | {
        "password": OTHER}), 401)


@pytest.mark.parametrize("value, text", [
    ("", "error.password_missing"), ("short", "error.password_short"),
    ("ä" * 256, "error.password_long")], ids=["none", "short", "long"])
def test_a_new_password_is_judged_and_the_link_stays_good(
        site, browser, value, text):
    person, link = registered(other(site))
    values = browser.open("/verify-email", link).values("new-password")
    page = browser.send("/verify-email", values | {"new_password": value},
                        400)
    assert page.beside("new_password") == EN[text]
    assert page.one("details")["open"] is not None
    browser.finish("/verify-email", values | {"new_password": OTHER})
    person.password = OTHER
    assert browser.sign_in(person) == "/dashboard"


@pytest.mark.parametrize("action", ["verify", "new-password", "not-me"])
def test_a_dead_verification_link_says_what_to_do(site, browser, action):
    browser.open("/verify-email", "A" * 70)
    page = browser.send("/verify-email", {
        "action": action, "password": SECRET, "new_password": OTHER}, 400)
    assert page.heading == EN["page.link_dead_verify.title"]
    assert list(page.all("a", href="/check-email?about=again"))


def test_who_needs_a_new_link_is_not_told_of_a_mail(browser):
    said = EN["check.verify_unnamed"]
    assert said in browser.get("/check-email").text
    page = browser.get("/check-email?about=again")
    assert page.heading == EN["check.new_title"]
    assert said not in page.text and EN["check.spam"] not in page.text
    assert said not in browser.get("/check-email?sent=1").text
    page = browser.send("/check-email", page.values(), 400)
    assert page.heading == EN["check.new_title"]
    browser.goes(browser.post("/check-email", {
        "email": next_address("nobody")}), "/check-email?sent=1")


@pytest.mark.parametrize("path, values", [
    ("/verify-email", {"action": "verify"}),
    ("/verify-email", {"action": "new-password"}),
    ("/reset-password", {"new_password": OTHER}),
    ("/confirm-email", {"action": "confirm"}),
    ("/take-back", {"action": "take-back"})], ids=str)
def test_a_page_that_was_open_for_too_long_says_so(site, path, values):
    for language, texts in ("en", EN), ("de", DE):
        browser = Browser(site, language)
        late = texts["error.page_open_too_long"]
        assert late in browser.send(path, values, 400).text
        browser.open(path, "A" * 70)
        page = browser.send(path, values, 400)
        assert late not in page.text
        assert page.heading == texts["page.link_dead_reset.title"]


def test_a_page_knows_its_token_for_an_hour(browser):
    browser.request("GET", "/reset-password?token=x")
    assert browser.set[0].attributes["max-age"] == "3600"


# Lifetimes: the site keeps its promise by the database's clock. --------------

DAY = 24 * 3600


def age(account, column, seconds):
    """Moves a time of the account's sessions into the past."""
    account.site.cluster.psql(
        f"UPDATE postern.session SET {column} = {column} - interval"
        f" '{seconds} s' WHERE account_id = '{account.id}'",
        account.site.database)


@pytest.mark.parametrize("idle, lives", [
    (7 * DAY - 60, True), (7 * DAY + 1, False), (29 * DAY, False)])
def test_a_session_that_nobody_uses_is_over(account, browser, idle, lives):
    browser.sign_in(account)
    age(account, "last_seen_at", idle)
    assert browser.is_signed_in() is lives


def test_use_keeps_a_session_alive(account, browser):
    browser.sign_in(account)
    for _ in range(3):
        age(account, "last_seen_at", 6 * DAY)
        assert browser.is_signed_in()


@pytest.mark.parametrize("used, lives", [
    (30 * DAY - 60, True), (30 * DAY + 1, False)])
def test_use_does_not_extend_a_session(account, browser, used, lives):
    browser.sign_in(account)
    assert browser.set[0].attributes["max-age"] == str(30 * DAY)
    age(account, "expires_at", used)
    assert browser.is_signed_in() is lives


def test_all_languages_have_the_same_texts():
    assert catalogue("de").keys() == EN.keys()
    assert all(EN.values()) and all(catalogue("de").values())
