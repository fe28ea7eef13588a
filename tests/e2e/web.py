# SPDX-License-Identifier: ISC
"""A browser without a screen: it keeps cookies as browsers do, reads a page
into fields, notes and links, and sends its forms with the headers that a
browser would send.

Every page it gets is also held against the rules that all pages keep.
"""

import configparser
import os
import re
from html.parser import HTMLParser
from http.cookiejar import DefaultCookiePolicy

from stack import SOURCE

VOID = {"meta", "link", "input", "img", "br", "hr"}
POLICY = {
    "default-src": "'none'", "style-src": "'self'", "img-src": "'self'",
    "script-src": "'self'", "base-uri": "'none'",
    "frame-ancestors": "'none'", "form-action": "'self'",
}


def catalogue(language):
    """The texts of a language, as templates/text has them."""
    texts = configparser.RawConfigParser(delimiters="=", strict=True)
    texts.optionxform = str
    path = os.path.join(SOURCE, "templates", "text", f"{language}.ini")
    with open(path, encoding="utf-8") as f:
        texts.read_string("[all]\n" + f.read())
    return dict(texts["all"])


EN, DE = catalogue("en"), catalogue("de")


class Element:
    def __init__(self, tag, attrs, parent):
        self.tag, self.attrs, self.parent = tag, attrs, parent
        self.inside = []

    def __getitem__(self, name):
        return self.attrs.get(name)

    @property
    def text(self):
        words = "".join(i if isinstance(i, str) else i.text
                        for i in self.inside)
        return " ".join(words.split())

    def all(self, tag=None, **attrs):
        """Every element below that is of this tag and has these."""
        for i in self.inside:
            if isinstance(i, str):
                continue
            if tag in (None, i.tag) and all(
                    i[k.rstrip("_")] == v for k, v in attrs.items()):
                yield i
            yield from i.all(tag, **attrs)

    def one(self, tag=None, **attrs):
        found = list(self.all(tag, **attrs))
        assert len(found) == 1, f"{len(found)} of {tag} {attrs}"
        return found[0]


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = self.at = Element("", {}, None)

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} {attrs}"
        element = Element(tag, {k: v or "" for k, v in attrs}, self.at)
        self.at.inside.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag):
        assert self.at.tag == tag, f"</{tag}> in <{self.at.tag}>"
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.inside.append(data)


class Page:
    """An HTML answer, read."""

    def __init__(self, answer):
        self.answer, self.status = answer, answer.status_code
        self.html, self.headers = answer.text, answer.headers
        reader = Reader()
        reader.feed(self.html)
        assert reader.at is reader.root, f"<{reader.at.tag}> stays open"
        self.root = reader.root

    def __getattr__(self, name):
        return getattr(self.root, name)

    @property
    def title(self):
        return self.root.one("title").text

    @property
    def heading(self):
        return self.root.one("h1").text

    @property
    def language(self):
        return self.root.one("html")["lang"]

    @property
    def alert(self):
        """What the page complains of, above its form; None for nothing."""
        notes = [e.text for e in self.root.all(role="alert")]
        return notes[0] if notes else None

    @property
    def notice(self):
        notes = [e.text for e in self.root.all(role="status")]
        return notes[0] if notes else None

    def form(self, button=None):
        """The form with that button; else the only one that asks."""
        forms = [f for f in self.root.all("form") if (
            any(b["value"] == button for b in f.all("button")) if button
            else list(f.all("label")))]
        if button == "verify":
            forms = forms[:1]
        assert len(forms) == 1, f"{len(forms)} forms for {button}"
        return forms[0]

    def values(self, button=None):
        """What a form would send as it stands."""
        form = self.form(button)
        values = {i["name"]: i["value"] or "" for i in form.all("input")
                  if i["type"] not in ("checkbox", "radio")
                  or i["checked"] is not None}
        if button:
            values["action"] = button
        return values

    def beside(self, name):
        """What a field is said to have wrong; None where nothing is."""
        field = self.root.one("input", id=name)
        if field["aria-invalid"] != "true":
            return None
        notes = [self.root.one(id=i) for i in
                 field["aria-describedby"].split()]
        return next(n.text for n in notes if not n["id"].endswith("-hint"))


def check_page(page):
    """What every page keeps, whatever it says."""
    h = page.headers
    assert h["Content-Type"] == "text/html; charset=utf-8"
    assert h["Cache-Control"] == "no-store"
    assert h["X-Content-Type-Options"] == "nosniff"
    assert h["Referrer-Policy"] == "strict-origin"
    assert h["Content-Language"] == page.language
    assert "Accept-Language" in h["Vary"]
    check_policy(h["Content-Security-Policy"])
    check_markup(page)
    check_accessible(page)
    return page


def check_policy(policy):
    found = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    for name, value in POLICY.items():
        if name == "form-action":
            assert found[name].split()[0] == value, policy
        else:
            assert found[name] == value, policy
    assert found.keys() == POLICY.keys(), policy


def check_markup(page):
    """Nothing inline, nothing from elsewhere, nothing left of a template."""
    assert "{{" not in page.html and "}}" not in page.html
    assert not list(page.all("style"))
    for element in page.all():
        assert "style" not in element.attrs, element.attrs
        assert not [a for a in element.attrs if a.startswith("on")]
    for script in page.all("script"):
        assert not script.text
    for name in "src", "action":
        for element in page.all():
            where = element[name]
            assert where is None or re.match(r"/(?!/)", where), where
    for link in page.all("link"):
        assert re.match(r"/(?!/)", link["href"]), link["href"]


def check_accessible(page):
    """Names, titles and pointers that a screen reader lives on."""
    assert page.heading and page.title and page.language in ("en", "de")
    texts = EN if page.language == "en" else DE
    assert page.title.count(texts["title.error"]) <= 1, page.title
    assert page.heading not in [h.text for h in page.all("h2")]
    ids = [e["id"] for e in page.all() if e["id"]]
    assert len(ids) == len(set(ids)), ids
    for element in page.all():
        for pointer in "for", "aria-describedby", "aria-controls":
            for target in (element[pointer] or "").split():
                assert target in ids, f"{pointer}={target}"
    for field in page.all("input"):
        if field["type"] != "hidden" and field["hidden"] is None:
            assert list(page.all("label", for_=field["id"])), field.attrs
    for field in page.all("input", type="password"):
        assert field["value"] is None, "a password is echoed"


class Cookie:
    def __init__(self, line):
        pair, *attributes = [part.strip() for part in line.split(";")]
        self.name, _, self.value = pair.partition("=")
        self.attributes = {}
        for attribute in attributes:
            name, _, value = attribute.partition("=")
            self.attributes[name.lower()] = value

    @property
    def is_dropped(self):
        return self.attributes.get("max-age") == "0"


class Browser:
    """Somebody's browser, from an address of its own."""

    def __init__(self, site, language=None, agent=None):
        self.site, self.language, self.agent = site, language, agent
        self.client = site.client()
        # Ours are kept below: Secure ones too, over the tests' plain HTTP.
        self.client.session.cookies.set_policy(
            DefaultCookiePolicy(allowed_domains=[]))
        self.cookies, self.set = {}, []
        self.origin = site.options["public_url"]

    def headers(self, more=None):
        headers = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
                   "Host": self.origin.split("//")[1]}
        if self.language is not None:
            headers["Accept-Language"] = self.language
        if self.agent is not None:
            headers["User-Agent"] = self.agent
        if self.cookies:
            headers["Cookie"] = "; ".join(
                f"{n}={v}" for n, v in self.cookies.items())
        return headers | (more or {})

    def request(self, method, path, headers=None, **kw):
        answer = self.client.request(method, path,
                                     headers=self.headers(headers), **kw)
        self.set = [Cookie(line) for line in
                    answer.raw.headers.getlist("Set-Cookie")]
        for cookie in self.set:
            if cookie.is_dropped:
                self.cookies.pop(cookie.name, None)
            else:
                self.cookies[cookie.name] = cookie.value
        return answer

    def get(self, path, status=200, headers=None, **kw):
        """The page there."""
        answer = self.request("GET", path, headers, **kw)
        assert answer.status_code == status, (answer.status_code,
                                              dict(answer.headers),
                                              answer.text)
        return check_page(Page(answer))

    def goes(self, answer, path=None):
        """Asserts a 303 to path; where it leads."""
        assert answer.status_code == 303, (answer.status_code, answer.text)
        assert answer.headers["Cache-Control"] == "no-store"
        assert path in (None, answer.headers["Location"]), answer.headers
        return answer.headers["Location"]

    def post(self, path, values, headers=None, **kw):
        """Sends a form as a browser does: from a page of ours."""
        if headers is None:
            headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin",
                       "Sec-Fetch-Mode": "navigate"}
        return self.request("POST", path, headers, data=values, **kw)

    def send(self, path, values, status):
        """Sends a form that stays where it is: the page it answers with."""
        answer = self.post(path, values)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return check_page(Page(answer))

    def finish(self, path, values):
        """Sends a form that is done then: the page that says so, which a
        reload shows again without sending anything."""
        self.goes(self.post(path, values), path)
        page = self.get(path)
        assert self.get(path).html == page.html
        return page

    # What people do. --------------------------------------------------------

    def fill(self, path, values, **more):
        """Opens the page, fills its form, sends it: the answer."""
        page = self.get(path)
        sent = page.values() | values
        assert sent.keys() == page.values().keys() | values.keys()
        return self.post(page.form()["action"], sent | more)

    def register(self, email, password):
        self.goes(self.fill("/register", {"email": email,
                                          "password": password}),
                  "/check-email")

    def open(self, path, token):
        """Opens a mailed link; the page it leads to."""
        self.goes(self.request("GET", f"{path}?token={token}"), path)
        return self.get(path)

    def sign_in(self, account, path="/login"):
        """Where it leads."""
        return self.goes(self.fill(path, account.credentials()))

    def sign_out(self):
        page = self.get("/dashboard")
        return self.goes(self.post("/dashboard", page.values("sign-out")))

    def is_signed_in(self):
        answer = self.request("GET", "/dashboard")
        if answer.status_code == 200:
            return True
        self.goes(answer, "/login?next=/dashboard")
        return False
