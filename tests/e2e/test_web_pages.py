# SPDX-License-Identifier: ISC
"""Story: pages speak the visitor's language, whatever they have to say."""

import time

import pytest

from web import DE, EN, Browser, Page, check_page

PAGES = ["/", "/login", "/register", "/check-email", "/forgot-password",
         "/verify-email", "/reset-password", "/confirm-email", "/take-back",
         "/check-email?about=reset",
         "/check-email?sent=1", "/login?notice=signed-out"]
TITLES = {"/": "home.title", "/login": "login.title",
          "/register": "register.title", "/check-email": "check.title",
          "/forgot-password": "forgot.title",
          "/verify-email": "verify.title", "/reset-password": "reset.title",
          "/confirm-email": "confirm.title",
          "/take-back": "take_back.title"}


@pytest.mark.parametrize("language, texts", [("en", EN), ("de", DE)])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_in_both_languages(site, path, language, texts):
    page = Browser(site, language).get(path)
    assert page.language == language
    assert page.heading == texts[TITLES[path.partition("?")[0]]]


@pytest.mark.parametrize("header, language", [
    (None, "en"), ("", "en"), ("de", "de"), ("DE", "de"), ("de-AT", "de"),
    ("de-CH-1901", "de"), ("en-US,en;q=0.9,de;q=0.8", "en"),
    ("fr", "en"), ("fr, de;q=0.5", "de"), ("fr;q=1, en;q=0.5, de;q=0.6", "de"),
    ("de;q=0.5, en;q=0.5", "de"), ("en;q=0.5, de;q=0.501", "de"),
    ("de;q=0", "en"), ("de;q=0, en;q=0.1", "en"), ("*", "en"),
    ("de, *;q=0.5", "de"), ("de;q=2", "en"), ("de;q=x, en", "en"),
    (",,,de", "de"), ("den", "en"), ("d", "en"), ("x" * 4000, "en"),
    ("<script>", "en"), ("de_DE", "en"),
], ids=lambda v: ascii(v)[:40])
def test_the_browser_says_which_language(site, header, language):
    assert Browser(site, header).get("/login").language == language


# What goes wrong. -----------------------------------------------------------

@pytest.mark.parametrize("path", ["/nothing", "/login/", "/LOGIN", "/log%69n/x",
                                  "/index.html", "/.git/config", "/x?token=y",
                                  "/brand.css"])
@pytest.mark.parametrize("language, texts", [("en", EN), ("de", DE)])
def test_an_unknown_path_is_a_page(site, path, language, texts):
    page = Browser(site, language).get(path, 404)
    assert page.heading == texts["page.not_found.title"]
    assert list(page.all("a", href="/"))


@pytest.mark.parametrize("language, texts", [("en", EN), ("de", DE)])
def test_too_many_sign_ins_are_told_on_a_page(site, language, texts):
    browser = Browser(site, language)
    values = {"email": f"limited-{language}@example.com", "password": "wrong",
              "next": "/app?a=1&b=ü"}
    for _ in range(5):
        browser.send("/login", values, 401)
    page = browser.send("/login", values, 429)
    assert page.heading == texts["page.limited.title"]
    seconds = int(page.headers["Retry-After"])
    assert 1 < seconds <= 12
    assert texts["page.limited.wait"].replace(
        "{{wait}}", f"{seconds} {texts['unit.seconds']}") in page.text
    link, = page.one("main").all("a")
    assert link.text == texts["link.form"]
    form = browser.get(link["href"])  # it is still there
    assert form.values()["next"] == values["next"]


@pytest.mark.parametrize("language, texts", [("en", EN), ("de", DE)])
def test_a_refused_form_leads_back_to_it(site, language, texts):
    browser = Browser(site, language)
    for _ in range(3):
        browser.goes(browser.post("/forgot-password", {
            "email": "limited@example.com"}))
    page = browser.send("/forgot-password", {"email": "x@example.com"}, 429)
    assert int(page.headers["Retry-After"]) > 60
    assert texts["page.limited.wait"].replace(
        "{{wait}}", f"20 {texts['unit.minutes']}") in page.text
    assert list(page.all("a", href="/forgot-password"))
    for path in "/register", "/account/password":
        answer = browser.post(path, {"x": "y"}, {"Origin": "null"})
        page = check_page(Page(answer))
        link, = page.one("main").all("a")
        assert (page.status, link["href"], link.text) == (
            403, path, texts["link.form"])
    answer = browser.request("PUT", "/register")
    assert list(Page(answer).one("main").all("a", href="/"))


def test_a_database_that_is_away_is_told_on_a_page(stack):
    site = stack.site()
    browser = Browser(site, "de")
    browser.sign_in(site.account())
    site.cluster.psql(f"ALTER DATABASE {site.database} ALLOW_CONNECTIONS"
                      " false")
    site.cluster.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                      " WHERE usename LIKE 'postern\\_%'"
                      f" AND datname = '{site.database}'")
    began = time.monotonic()
    for path in "/dashboard", "/login", "/":
        page = browser.get(path, 503, check=False)
        assert page.heading == DE["page.unavailable.title"]
        assert int(page.headers["Retry-After"]) >= 1
    assert time.monotonic() - began < 3 * 2
    answer = browser.post("/dashboard", {"action": "sign-out"}, check=False)
    assert check_page(Page(answer)).status == 503
    assert browser.cookies
    site.cluster.psql(f"ALTER DATABASE {site.database} ALLOW_CONNECTIONS"
                      " true")
    assert browser.is_signed_in()
    site.stop()


# Weight. --------------------------------------------------------------------

def test_the_login_page_is_light(site):
    """All told under 20 KiB, as it is sent to a browser that takes gzip;
    and one request at most that holds up the first picture."""
    browser = Browser(site)
    page = browser.get("/login")
    blocking = list(page.all("link", rel="stylesheet"))
    for script in page.all("script"):
        assert script["defer"] is not None
    assert len(blocking) == 1
    paths = [e["href"] for e in page.all("link")] + [
        e["src"] for e in list(page.all("script")) + list(page.all("img"))]
    plain = sent = len(page.html.encode())
    for path in paths:
        answer = browser.request("GET", path, {"Accept-Encoding": "gzip"},
                                 stream=True)
        sent += len(answer.raw.read(decode_content=False))
        plain += len(browser.request("GET", path).content)
    assert sent < plain < 20 * 1024, (sent, plain)
