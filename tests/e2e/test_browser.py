# SPDX-License-Identifier: ISC
"""Story: people use the pages in a real Chromium, with JavaScript and
without, on a telephone and at a desk, by mouse, keyboard and screen reader."""

import pytest
from selenium.webdriver.common.keys import Keys

from browser import Chromium, axe
from client import next_address
from conftest import NO_LIMITS
from stack import until
from web import DE, EN

SECRET, OTHER = "a long enough secret", "an entirely new secret"
VERIFY, RESET = EN["mail.verify.subject"], EN["mail.reset.subject"]
CONFIRM = EN["mail.confirm_address.subject"]
CHANGED = EN["mail.address_changed.subject"]
WIDTHS = [360, 1280]
# Colours do not depend on the width, so two looks see it all.
LOOKS = [(360, "dark"), (1280, "light")]
SEND = "main form > p:not(.field) > button"


@pytest.fixture(scope="module")
def web_site(stack):
    return stack.site(**NO_LIMITS | {"limit_change_email": "1/1h"})


@pytest.fixture(scope="module")
def chromiums():
    started = {}

    def start(javascript):
        if javascript not in started:
            started[javascript] = Chromium(javascript)
        return started[javascript]
    yield start
    for chromium in started.values():
        chromium.stop()


@pytest.fixture(params=WIDTHS, ids=lambda w: f"{w}px")
def width(request):
    return request.param


@pytest.fixture(params=[True, False], ids=["js", "no-js"])
def browser(request, web_site, chromiums, width):
    """Each way people browse; judged when the test is over."""
    browser = chromiums(request.param).begin(web_site, width)
    yield browser
    browser.check()


@pytest.fixture
def script(web_site, chromiums):
    """With JavaScript, at a desk."""
    browser = chromiums(True).begin(web_site)
    yield browser
    browser.check()


def mailed(site, address, subject=VERIFY, count=1):
    """The mailed link."""
    return site.sink.wait(address, subject, count)[-1].link


def fits(browser):
    """Nobody has to scroll sideways."""
    if browser.javascript:
        assert browser.run("return document.documentElement.scrollWidth <="
                           " document.documentElement.clientWidth")
    return browser


def register(browser, password=SECRET):
    email = next_address("chromium")
    fits(browser.go("/register")).type(email=email, password=password)
    browser.press()
    assert browser.path == "/check-email"
    return email


def sign_in(browser, email, password):
    return browser.go("/login").type(email=email, password=password).press()


def opened(browser, account):
    """Its verification link, in a browser that did not register it."""
    return browser.go(f"/verify-email?token={account.verification}")


# The flows, each with and without JavaScript, narrow and wide. --------------

def test_from_registration_to_sign_out(web_site, browser):
    email = register(browser)
    fits(browser).go(mailed(web_site, email))
    assert browser.path == "/verify-email" and email in browser.text()
    assert not browser.has("input[type=password]")
    fits(browser).press("main form button")
    assert browser.text("h1") == EN["page.verified.title"]
    browser.press("a.button")
    assert browser.path == "/login"
    browser.type(email=email, password=SECRET).press()
    assert browser.path == "/dashboard" and email in browser.text()
    fits(browser).press("main form button")
    assert browser.text(".good") == EN["notice.signed_out"]
    browser.go("/dashboard")
    assert browser.path == "/login?next=/dashboard"


def test_a_forgotten_password_is_replaced(web_site, browser):
    account = web_site.account()
    browser.go("/login").press("a[href='/forgot-password']")
    fits(browser).type(email=account.email).press()
    assert browser.path == "/check-email?about=reset"
    browser.go(mailed(web_site, account.email, RESET))
    assert browser.path == "/reset-password"
    assert account.email in browser.text()
    fits(browser).type(new_password=OTHER).press()
    assert browser.text("h1") == EN["page.password_reset.title"]
    assert sign_in(browser, account.email, SECRET).path == "/login"
    assert browser.text(".bad") == EN["error.credentials"]
    assert browser.find("#email").get_attribute("value") == account.email
    assert browser.find("#password").get_attribute("value") == ""
    browser.type(password=OTHER).press()
    assert browser.path == "/dashboard"


def test_a_link_opened_elsewhere_asks_for_the_password(web_site, browser):
    account = web_site.unverified()
    opened(browser, account)
    browser.type(password=OTHER).press()
    assert browser.text(".wrong") == EN["error.password_wrong"]
    fits(browser).type(password=SECRET).press()
    assert browser.text("h1") == EN["page.verified.title"]


def test_a_link_opened_elsewhere_takes_a_new_password(web_site, browser):
    account = web_site.unverified()
    opened(browser, account)
    browser.find("summary").click()
    fits(browser).type(new_password=OTHER)
    browser.press("button[value=new-password]")
    assert browser.text("h1") == EN["page.verified.title"]
    assert sign_in(browser, account.email, OTHER).path == "/dashboard"


def test_somebody_else_may_have_used_my_address(web_site, browser):
    account = web_site.unverified()
    opened(browser, account).press("button[value=not-me]")
    assert browser.text("h1") == EN["page.disowned.title"]
    fits(browser)
    assert sign_in(browser, account.email, SECRET).path == "/login"


def test_a_taken_address_is_told_beside_its_field(web_site, browser):
    account = web_site.account()
    browser.go("/register").type(email=account.email, password=SECRET).press()
    assert browser.text("#email-error") == EN["error.email_taken"]
    assert browser.find("#email").get_attribute("value") == account.email
    fits(browser)
    browser.press("main a[href='/login']")
    assert browser.path == "/login"


def test_who_is_not_verified_gets_the_mail_again(web_site, browser):
    account = web_site.unverified()
    sign_in(browser, account.email, SECRET)
    assert browser.text(".bad") == EN["error.unverified"]
    fits(browser).press("button.second")
    assert browser.text(".good") == EN["notice.mail_sent"]
    mailed(web_site, account.email, count=2)


def test_the_account_is_changed_by_its_owner(web_site, browser):
    account = web_site.account()
    account.login()
    sign_in(browser, account.email, SECRET).go("/account/sessions")
    devices = browser.all("button[aria-describedby]")
    assert len(devices) == 2
    fits(browser).press(f"[value='{devices[1].get_attribute('value')}']")
    assert browser.text(".good") == EN["notice.session_ended"]
    assert len(browser.all("button[aria-describedby]")) == 1
    browser.go("/account/password")
    fits(browser).type(current_password=SECRET, new_password=OTHER).press(SEND)
    assert browser.text(".good") == EN["notice.password_changed"]
    browser.go("/account/language").find("#language-de").click()
    fits(browser).press()
    assert browser.text(".good") == DE["notice.language_saved"]
    assert browser.path == "/account/language?notice=saved"
    assert browser.go("/account/").text("h1") == DE["account.title"]
    account.password = OTHER
    account.login()


def test_a_page_that_is_not_there_leads_on(browser):
    browser.go("/nothing")
    assert browser.text("h1") == EN["page.not_found.title"]
    fits(browser).press("a.button")
    assert browser.path == "/"


# With a script. -------------------------------------------------------------

def test_a_password_can_be_shown(script):
    script.go("/login").type(email="kim@example.org", password=SECRET)
    field, button = script.find("#password"), script.find(".secret button")
    assert button.get_attribute("type") == "button"
    for kind, label, told in (
            ("text", "hide", "shown"), ("password", "show", "hidden"),
            ("text", "hide", "shown")):
        button.click()
        assert field.get_attribute("type") == kind
        assert button.text == EN["script." + label]
        assert button.accessible_name \
            == f"{button.text}: {EN['field.password']}"
        assert script.find(".secret [role=status]").get_attribute(
            "textContent") == EN["script." + told]
        assert field.get_attribute("value") == SECRET
        assert field.get_attribute("autocomplete") == "current-password"
    # What is sent is a password again, for the browser's memory of fields.
    assert script.run("""
        const form = document.querySelector("form[action='/login']");
        form.addEventListener("submit", (e) => e.preventDefault());
        form.requestSubmit();
        return document.getElementById("password").type;""") == "password"


def test_a_button_says_that_it_works_and_sends_once(script):
    script.go("/login").type(email="kim@example.org", password=SECRET)
    said = script.run("""
        const form = document.querySelector("form[action='/login']");
        const button = form.querySelector("p > button");
        let sent = 0;
        form.addEventListener("submit", (e) => {
            sent += e.defaultPrevented ? 0 : 1;
            e.preventDefault();
        });
        form.requestSubmit(button);
        form.requestSubmit(button);
        return [button.textContent, button.getAttribute("aria-disabled"),
                button.disabled, sent];""")
    assert said == [EN["script.working"], "true", False, 1]


def test_a_mistake_is_told_before_anything_is_sent(script):
    script.go("/register")
    script.requests()
    script.find(SEND).click()
    assert script.text("#email-error") == EN["error.email_missing"]
    script.type(email="kim").find(SEND).click()
    assert script.text("#email-error") == EN["error.email_format"]
    assert script.text("#password-error") == EN["error.password_missing"]
    assert script.focused.get_attribute("id") == "email"
    script.type(email="kim@example.org", password="short")
    assert not script.has("#email-error")
    script.find(SEND).click()
    assert script.text("#password-error") == EN["error.password_short"]
    assert script.focused.get_attribute("id") == "password"
    assert "password-error" in script.find("#password").get_attribute(
        "aria-describedby")
    assert script.requests() == []


def test_what_the_server_refuses_is_focused(script):
    script.go("/register").type(email="kim@localhost", password=SECRET)
    script.press()
    assert script.focused.get_attribute("id") == "email"
    assert script.text("#email-error") == EN["error.email_format"]


def test_text_from_outside_stays_text(web_site, script):
    account = web_site.unverified(email=next_address("a&b'{{x}}"))
    opened(script, account)
    assert account.email in script.text()
    script.go("/login").type(email="<img/src=x>@example.org",
                             password=SECRET).press()
    assert script.find("#email").get_attribute("value") \
        == "<img/src=x>@example.org"
    assert not script.has("main img")


def test_times_are_told_in_the_visitors_zone(web_site, script):
    account = web_site.account()
    web_site.cluster.psql(
        "UPDATE postern.account SET created_at = '2026-01-02T23:04:05Z'"
        f" WHERE id = '{account.id}'", web_site.database)
    script.cdp("Emulation.setTimezoneOverride", timezoneId="Europe/Vienna")
    sign_in(script, account.email, SECRET)
    for path in "/dashboard", "/account/":
        told = script.go(path).text("time").replace("\u202f", " ")
        assert told == "January 3, 2026 at 12:04 AM"
    script.cdp("Network.setExtraHTTPHeaders",
               headers={"Accept-Language": "de"})
    assert script.go("/account/").text("time") == "3. Januar 2026 um 00:04"
    script.cdp("Network.setExtraHTTPHeaders", headers={})
    script.cdp("Emulation.setTimezoneOverride", timezoneId="")


def test_the_keyboard_alone_signs_in_and_out(web_site, script):
    account = web_site.account()
    script.go("/login")
    seen = []
    for _ in range(12):
        script.key(Keys.TAB)
        focused = script.focused
        seen.append(focused.get_attribute("id") or focused.text)
        assert script.run("return getComputedStyle(document.activeElement)"
                          ".outlineStyle") != "none", seen
        if seen[-1] == "email":
            script.key(account.email)
        if seen[-1] == "password":
            script.key(SECRET)
            break
    assert seen[0] == EN["action.skip"]
    assert seen[-2:] == ["email", "password"], seen
    page = script.find("html")
    script.key(Keys.TAB)
    assert script.focused.text == EN["script.show"]
    script.key(Keys.TAB)
    assert script.focused.text == EN["login.button"]
    script.key(Keys.ENTER)
    while not script.is_gone(page):
        pass
    assert script.path == "/dashboard"
    page = script.find("html")
    while script.focused.text != EN["dashboard.sign_out"]:
        script.key(Keys.TAB)
    script.key(Keys.SPACE)
    while not script.is_gone(page):
        pass
    assert script.text(".good") == EN["notice.signed_out"]


def test_the_skip_link_leads_to_the_content(script):
    script.go("/login").key(Keys.TAB, Keys.ENTER)
    assert script.focused.tag_name == "main"
    script.key(Keys.TAB)
    assert script.focused.get_attribute("id") == "email"


def test_the_login_page_is_light(script):
    """All told, headers included, with an empty cache."""
    script.go("/login")
    blocking = script.run("""
        return performance.getEntriesByType("resource")
            .filter((e) => e.renderBlockingStatus === "blocking")
            .map((e) => e.name)""")
    assert len(blocking) <= 1, blocking
    weight = sum(e["params"]["encodedDataLength"] for e in
                 script.events("Network.loadingFinished"))
    assert 1000 < weight < 20 * 1024


def test_back_after_the_sign_out_shows_the_account_no_more(
        web_site, script):
    account = web_site.account()
    sign_in(script, account.email, SECRET)
    assert script.path == "/dashboard"
    script.press("main form button")
    script.driver.back()
    until(lambda: script.path == "/login?next=/dashboard", 5, "the sign-in")
    assert account.email not in script.text()


# Accessible, by axe-core. ---------------------------------------------------

@pytest.fixture(scope="module")
def rules():
    return axe()


STATES = {
    "home": lambda b, s: b.go("/"),
    "login": lambda b, s: b.go("/login"),
    "refused login": lambda b, s: sign_in(b, "kim@example.org", SECRET),
    "unverified": lambda b, s: sign_in(b, s.unverified().email, SECRET),
    "register": lambda b, s: b.go("/register"),
    "refused registration": lambda b, s: b.go("/register").type(
        email="kim@localhost", password=SECRET).press(),
    "own mistake": lambda b, s: b.go("/register").find(SEND).click(),
    "forgot": lambda b, s: b.go("/forgot-password"),
    "check": lambda b, s: b.go("/check-email?sent=1"),
    "check reset": lambda b, s: b.go("/check-email?about=reset"),
    "reset": lambda b, s: b.go(
        f"/reset-password?token={s.account().reset_token()}"),
    "verify claimed": lambda b, s: b.go(mailed(s, register(b))),
    "verify elsewhere": lambda b, s: opened(b, s.unverified()).find(
        "summary").click(),
    "dead link": lambda b, s: b.go("/verify-email?token=x").type(
        password=SECRET).press(),
    "dashboard": lambda b, s: sign_in(b, s.account().email, SECRET),
    "account": lambda b, s: settings(b, s, ""),
    "sessions": lambda b, s: settings(b, s, "sessions"),
    "password": lambda b, s: settings(b, s, "password"),
    "refused password": lambda b, s: settings(b, s, "password").type(
        current_password=OTHER, new_password=OTHER).press(),
    "language": lambda b, s: settings(b, s, "language"),
    "address": lambda b, s: settings(b, s, "email"),
    "end of the account": lambda b, s: settings(b, s, "delete"),
    "new address": lambda b, s: asks(b, s, 1),
    "too many": lambda b, s: asks(b, s, 2),
    "former address": lambda b, s: moves(b, s),
    "success": lambda b, s: b.go(mailed(s, register(b))).press(
        "main form button"),
    "not found": lambda b, s: b.go("/nothing"),
}


def settings(browser, site, page):
    """A page of an account that is signed in twice."""
    account = site.account()
    account.login()
    return sign_in(browser, account.email, SECRET).go("/account/" + page)


def asks(browser, site, times):
    """The page that a new address leads to; or, asked once more, what is
    said to who asks too often."""
    account, email = site.account(), next_address("moved")
    sign_in(browser, account.email, SECRET)
    for _ in range(times):
        browser.go("/account/email").type(
            new_email=email, current_password=SECRET).press()
    if times == 1:
        browser.go(mailed(site, email, CONFIRM))
    assert browser.text("h1") == EN[
        "confirm.title" if times == 1 else "page.limited.title"]
    return account


def moves(browser, site):
    """The page where the former address takes the account back."""
    account = asks(browser, site, 1)
    browser.press("main form button")
    assert browser.text("h1") == EN["page.address_changed.title"]
    browser.go(mailed(site, account.email, CHANGED))
    assert browser.text("h1") == EN["take_back.title"]


def violations(browser, rules):
    browser.run(rules)
    found = browser.driver.execute_async_script(
        "axe.run(document).then(arguments[0])")
    assert len(found["passes"]) > 10
    return [(v["id"], v["help"], [n["html"] for n in v["nodes"]])
            for v in found["violations"]]


@pytest.mark.parametrize("state", STATES)
def test_pages_are_accessible(web_site, script, rules, state):
    STATES[state](script, web_site)
    for width, scheme in LOOKS:
        script.resize(width)
        script.scheme(scheme)
        assert violations(fits(script), rules) == [], (width, scheme)
    script.resize(1920, 1080)
    left, right = fits(script).run("""
        const box = document.querySelector("main").getBoundingClientRect();
        return [box.left, innerWidth - box.right];""")
    assert abs(left - right) <= 1 and left > 480, "lines too long to read"


def test_pages_are_accessible_in_german_and_enlarged(
        web_site, script, rules):
    """Longer words, and the 320 px that WCAG 2.2 calls a zoom of 400 %."""
    script.cdp("Network.setExtraHTTPHeaders",
               headers={"Accept-Language": "de"})
    script.resize(320, 480)

    def judge(*paths):
        for path in paths:
            assert fits(script.go(path)).find("html").get_attribute(
                "lang") == "de"
            assert violations(script, rules) == [], path
    judge("/", "/login", "/register", "/check-email", "/verify-email",
          "/take-back")
    assert script.text("h1") == DE["take_back.title"]
    settings(script, web_site, "")
    judge("/dashboard", "/account/", *(
        "/account/" + name for name in (
            "sessions", "password", "language", "email", "delete")))
    assert script.text("h1") == DE["delete.title"]
    script.cdp("Network.setExtraHTTPHeaders", headers={})


def test_the_operators_colours_stay_readable(stack, chromiums, rules):
    """What stands on a colour and beside it is adjusted."""
    site = stack.site(brand_color="#ff0", brand_links="Imprint=/imprint")
    browser = chromiums(True).begin(site).go("/login")
    for width, scheme in LOOKS:
        browser.resize(width)
        browser.scheme(scheme)
        assert violations(browser, rules) == [], scheme
    browser.check()
    site.stop()
