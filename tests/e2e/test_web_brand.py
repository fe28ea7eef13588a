# SPDX-License-Identifier: ISC
"""Story: an operator gives the pages a name, colours, links, templates and
texts of their own, behind TLS."""

import os
import re
import subprocess

import pytest

from stack import SOURCE, as_owner, give
from web import DE, EN, Browser

NAME = "Hafen & Söhne <Test>"
LINKS = "Imprint=https://example.org/imprint?a=1&b=2, Privacy=/privacy"
PAGES = ["/", "/login", "/register", "/check-email", "/forgot-password",
         "/verify-email", "/reset-password"]
HOME = """\
{{>page/_head.html}}
<title>{{site_name}}</title>
{{>page/_body.html}}
<h1>Own page of {{site_name}}</h1>
{{#signed_in}}<p>in</p>{{/signed_in}}{{^signed_in}}<p>out</p>{{/signed_in}}
{{>page/_foot.html}}
"""


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    for where in path, os.path.dirname(path):
        give(where)
    os.chmod(path, 0o644)
    return path


@pytest.fixture(scope="module")
def own(stack):
    """The operator's folder."""
    folder = os.path.join(stack.home, "own")
    write(folder, "page/home.html", HOME)
    write(folder, "text/de.ini", "login.title = Willkommen an Bord\n")
    os.chmod(folder, 0o755)
    return folder


@pytest.fixture(scope="module")
def brand_site(stack, own):
    return stack.site(public_url="https://login.example.org",
                      site_name=NAME, brand_color="#f60",
                      brand_logo="/static/icon.svg", brand_links=LINKS,
                      template_override_dir=own)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_bears_the_brand(brand_site, path):
    page = Browser(brand_site).get(path)
    assert page.title.endswith(NAME)
    logo = page.one("header").one("img")
    assert logo["src"] == "/static/icon.svg" and logo["alt"] == NAME
    links = {a.text: a["href"] for a in page.one("footer").all("a")}
    assert links == {"Imprint": "https://example.org/imprint?a=1&b=2",
                     "Privacy": "/privacy"}
    assert page.one("link", rel="stylesheet")["href"].startswith(
        "/brand.css?v=")


def test_the_colour_is_a_stylesheet_to_keep(brand_site):
    browser = Browser(brand_site)
    path = browser.get("/login").one("link", rel="stylesheet")["href"]
    answer = browser.request("GET", path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] \
        == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text.count("--accent:#ff6600") == 2
    with open(os.path.join(SOURCE, "public", "postern.css"),
              encoding="utf-8") as f:
        assert f.read().strip() in answer.text


def test_without_a_colour_the_static_stylesheet_is_linked(site):
    browser = Browser(site)
    page = browser.get("/login")
    for kind, path in (
            ("css", page.one("link", rel="stylesheet")["href"]),
            ("javascript", page.one("script")["src"])):
        assert re.match(r"/static/postern\.[0-9a-f]{8}\.(css|js)$", path)
        answer = browser.request("GET", path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == f"text/{kind}"
        assert answer.headers["Cache-Control"] \
            == "public, max-age=31536000, immutable"
    assert browser.request("GET", "/brand.css").status_code == 404


def test_a_template_of_the_operators_replaces_ours(brand_site):
    browser = Browser(brand_site)
    page = browser.get("/")
    assert page.heading == f"Own page of {NAME}" and "out" in page.text
    browser.sign_in(brand_site.account())
    assert "in" in [p.text for p in browser.get("/").all("p")]


def test_a_text_of_the_operators_replaces_ours(brand_site):
    page = Browser(brand_site, "de").get("/login")
    assert page.heading == "Willkommen an Bord"
    assert page.one("form").one("button").text == DE["login.button"]
    assert Browser(brand_site, "en").get("/login").heading \
        == EN["login.title"]


def test_mails_bear_the_brand(brand_site):
    account = brand_site.account()
    mail = account.mails(EN["mail.verify.subject"])[0]
    assert mail.link.startswith("https://login.example.org/verify-email?")
    assert NAME in mail.text and "#ff6600" in mail.html
    assert "https://login.example.org/privacy" in mail.html
    assert "<Test>" not in mail.html


# posternd -t. ---------------------------------------------------------------

def try_configuration(site, own, **options):
    """What posternd -t says of the site with other options."""
    conf = os.path.join(site.home, "try.conf")
    with open(conf, "w", encoding="utf-8") as f:
        for name, value in (site.options | {
                "template_override_dir": own} | options).items():
            f.write(f"{name} = {value}\n")
    give(conf)
    done = subprocess.run(
        as_owner() + [os.path.join(site.stack.home, "posternd"), "-t", "-c",
                      conf], capture_output=True, text=True, check=False,
        timeout=30, cwd=site.home)
    return done.returncode, done.stdout + done.stderr


def test_what_is_right_passes(brand_site, own):
    code, said = try_configuration(brand_site, own)
    assert code == 0, said


@pytest.mark.parametrize("name, text, word", [
    ("page/home.html", "<p>{{nonsense}}</p>", "nonsense"),
    ("page/home.html", "<p>{{address}}</p>", "address"),
    ("page/home.html", "<p>{{_no.such_text}}</p>", "no.such_text"),
    ("page/home.html", "<p>{{#signed_in}}</p>", "not closed"),
    ("page/home.html", "<p>{{{site_name}}}</p>", "home.html"),
    ("page/home.html", "{{>page/none.html}}", "does not exist"),
    ("mail/verify.txt", "{{nonsense}}", "nonsense"),
    ("text/de.ini", "no.such = x\n", "no.such"),
    ("text/en.ini", "login.title = {{nonsense}}\n", "nonsense"),
    ("text/en.ini", "login.title\n", "en.ini"),
])
def test_a_mistake_in_a_template_is_told(
        stack, brand_site, name, text, word):
    folder = os.path.join(stack.home, "wrong")
    path = write(folder, name, text)
    os.chmod(folder, 0o755)
    code, said = try_configuration(brand_site, folder)
    os.unlink(path)
    assert code != 0 and word in said, said
    if not name.startswith("text/"):
        assert path in said, said


@pytest.mark.parametrize("options", [
    {"brand_color": "orange"}, {"brand_color": "#12345"},
    {"brand_logo": "https://evil.example/x.svg"},
    {"brand_logo": "//evil.example/x.svg"}, {"brand_links": "Imprint"},
    {"brand_links": "Imprint=javascript:alert(1)"},
    {"brand_links": "=/x"}, {"static_dir": "/nowhere"},
], ids=str)
def test_a_mistake_in_the_brand_is_told(brand_site, own, options):
    code, said = try_configuration(brand_site, own, **options)
    assert code != 0 and (list(options)[0] in said
                          or list(options.values())[0] in said), said


# Behind TLS. ----------------------------------------------------------------

def check_own(cookie, age):
    assert cookie.name.startswith("__Host-postern_")
    assert cookie.attributes == {
        "path": "/", "max-age": str(age), "secure": "", "httponly": "",
        "samesite": "Lax"}


def test_every_cookie_is_this_hosts_alone(brand_site):
    browser = Browser(brand_site)
    account = brand_site.account()
    browser.sign_in(account)
    check_own(*browser.set, 30 * 24 * 3600)
    browser.sign_out()
    check_own(*browser.set, 0)
    browser.open("/reset-password", account.reset_token())
    browser.request("GET", "/reset-password?token=x")
    check_own(*browser.set, 3600)
    browser.request("GET", "/verify-email?token=x")
    check_own(*browser.set, 3600)
    browser.register("claimed@example.com", "a long enough secret")
    claim, mailed = browser.set
    check_own(claim, 24 * 3600)
    check_own(mailed, 600)


def test_a_cookie_without_the_prefix_is_none(brand_site):
    """Another host of the domain could have planted it."""
    browser = Browser(brand_site)
    browser.sign_in(brand_site.account())
    assert browser.is_signed_in()
    (name, value), = browser.cookies.items()
    for plain in name.removeprefix("__Host-"), name.replace(
            "__Host-", "__Secure-"), name.lower():
        browser.cookies = {plain: value}
        assert not browser.is_signed_in()


def test_forms_come_from_the_public_url(brand_site):
    browser = Browser(brand_site)
    credentials = brand_site.account().credentials()
    for origin, status in ((brand_site.url, 403), ("null", 403),
                           ("http://login.example.org", 403),
                           ("https://login.example.org:443", 403),
                           ("https://login.example.org", 303)):
        answer = browser.post("/login", credentials, {"Origin": origin})
        assert answer.status_code == status, origin


def test_on_loopback_cookies_are_plain(site):
    browser = Browser(site)
    browser.sign_in(site.account())
    cookie, = browser.set
    assert cookie.name == "postern_session"
    assert cookie.attributes == {
        "path": "/", "max-age": str(30 * 24 * 3600), "httponly": "",
        "samesite": "Lax"}
