# SPDX-License-Identifier: ISC
"""Story: an application behind nginx is opened to who is signed in, and hears
who that is from nobody else."""

import glob
import json
import os
import re
import time

import jwt
import pytest

import logsearch
from client import parse_raw, raw_exchange, refused, sorry_page
from gate import (NAMES, NAVIGATION, SPOOFED, claims_of, cookie_of, identity,
                  reached, sign_in)
from stack import SOURCE, until
from web import Browser


@pytest.fixture(scope="module")
def account(gate_site):
    return gate_site.account()


@pytest.fixture(scope="module")
def signed_in(gate_site, account):
    """A browser that is; its cookies stay as they are."""
    return sign_in(gate_site, account)


@pytest.fixture(scope="module")
def tokens(account):
    return account.login()


# Who gets in --------------------------------------------------------------

def test_the_gate_opens_for_a_session_and_says_whose_it_is(
        account, signed_in, tokens, gate_site):
    by_cookie = identity(signed_in.get("/app/"))
    by_bearer = identity(gate_site.client().get(
        "/app/", token=tokens["access_token"]))
    sid = jwt.decode(tokens["access_token"],
                     options={"verify_signature": False})["sid"]
    for seen in by_cookie, by_bearer:
        assert seen["x-auth-user"] == account.id
        assert seen["x-auth-email"] == account.email
        assert set(seen) == NAMES - {"x-auth-token"}
    assert by_bearer["x-auth-session"] == sid != by_cookie["x-auth-session"]


@pytest.mark.parametrize("path", ["/app/", "/cookie/", "/bearer/", "/ws/",
                                  "/admin/", "/scgi/", "/uwsgi/",
                                  "/fastcgi/"])
def test_it_is_shut_for_everybody_else(gate_site, upstream, path):
    before = upstream.seen
    for headers in ({}, {"Authorization": "Bearer x"}, dict(SPOOFED),
                    {"Cookie": "postern_session=" + "A" * 87}):
        refused(gate_site.client().get(path, headers=headers), 401)
    assert upstream.seen == before


def test_each_location_says_what_opens_it(gate_site, signed_in, tokens):
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    script = gate_site.client()
    assert script.get("/bearer/", headers=bearer).status_code == 200
    refused(signed_in.get("/bearer/"), 401, "Authorization token is missing")
    refused(script.get("/cookie/", headers=bearer), 401)
    assert signed_in.get("/cookie/").status_code == 200
    # Where both may, a Bearer counts alone; where it may not, it is not for us.
    other = {"Authorization": "Bearer other"}
    refused(signed_in.get("/app/", headers=other), 401, "Invalid token")
    seen = reached(signed_in.get("/cookie/", headers=other))
    assert seen["headers"]["authorization"] == "Bearer other"


@pytest.mark.parametrize("how", ["logout", "reset", "ban"])
def test_it_is_shut_on_the_very_next_call(gate_site, how):
    account, browser = gate_site.account(), Browser(gate_site)
    tokens = account.login()
    browser.sign_in(account)
    cookie = {"Cookie": browser.headers()["Cookie"]}
    for path in "/app/", "/orders/":
        assert gate_site.client().get(path, headers=cookie).status_code == 200
        assert gate_site.client().get(
            path, token=tokens["access_token"]).status_code == 200
    if how == "logout":
        gate_site.client().post("/auth/logout", token=tokens["access_token"])
        browser.sign_out()
    elif how == "reset":
        gate_site.client().post("/auth/reset-password", {
            "token": account.reset_token(), "new_password": "another secret"})
    else:
        gate_site.cluster.psql("UPDATE postern.account SET disabled_at = now()"
                               f" WHERE id = '{account.id}'",
                               gate_site.database)
    for path in "/app/", "/orders/":
        refused(gate_site.client().get(path, headers=cookie), 401)
        refused(gate_site.client().get(
            path, token=tokens["access_token"]), 401)


def test_a_location_may_demand_a_verified_address(gate_site):
    account = gate_site.account()
    browser, token = sign_in(gate_site, account), account.login()
    token = token["access_token"]
    script = gate_site.client()
    assert browser.get("/verified/").status_code == 200
    assert script.get("/verified/", token=token).status_code == 200
    gate_site.cluster.psql("UPDATE postern.account SET verified_at = NULL"
                           f" WHERE id = '{account.id}'", gate_site.database)
    refused(script.get("/verified/", token=token), 403)
    assert "x-auth-email" not in identity(script.get("/app/", token=token))
    body = refused(browser.get("/verified/"), 403)
    assert body["code"] == "email_not_verified"
    answer = browser.get("/verified/", headers=NAVIGATION)
    assert "is not open to you" in sorry_page(answer, 403)
    seen = identity(browser.get("/orders/", headers=SPOOFED))
    assert "x-auth-email" not in seen and seen["x-auth-user"] == account.id
    assert "email" not in claims_of(seen["x-auth-token"])


def test_a_location_may_list_addresses(gate_site, signed_in):
    admin = sign_in(gate_site, gate_site.account(email="admin1@example.com"))
    seen = identity(admin.get("/admin/"))
    assert seen["x-auth-email"] == "admin1@example.com"
    refused(signed_in.get("/admin/", headers=SPOOFED), 403)
    answer = signed_in.get("/admin/", headers=NAVIGATION)
    assert "is not open to you" in sorry_page(answer, 403)


@pytest.mark.parametrize("path", ["accept", "verified", "audience"])
def test_a_misspelt_rule_opens_nothing(gate_site, signed_in, tokens, path):
    for how in {}, {"token": tokens["access_token"]}:
        answer = signed_in.get("/wrong/" + path, check=False, **how)
        assert answer.status_code == 500, answer.text
        assert answer.json()["code"] == "internal_error"
    until(lambda: f"$postern_{path} is none of" in gate_site.tail(200), 5,
          "the log line")


# What reaches the application ---------------------------------------------

@pytest.mark.parametrize("path", ["/app/", "/scgi/", "/uwsgi/", "/fastcgi/"])
def test_nobody_names_himself(account, signed_in, path):
    seen = identity(signed_in.get(path, headers=SPOOFED))
    assert seen["x-auth-user"] == account.id
    assert seen["x-auth-email"] == account.email
    assert set(seen) == NAMES - {"x-auth-token"}


@pytest.mark.parametrize("path", ["/open/", "/open-scgi/", "/open-uwsgi/",
                                  "/open-fastcgi/"])
def test_an_open_location_names_nobody(signed_in, path):
    seen = reached(signed_in.get(path, headers=SPOOFED | {
        "Cookie": cookie_of(signed_in) + "; theme=dark"}))
    assert not [n for n in seen["headers"] if n.startswith("x-auth")]
    assert seen["headers"]["cookie"] == "theme=dark"


# Every cookie that the pages set.
OWN = sorted({name for path in glob.glob(
    os.path.join(SOURCE, "src", "handlers", "*page*.c"))
    for name in re.findall(r'"(postern_[a-z_]+)"', open(path).read())})
assert len(OWN) >= 8
COOKIES = [
    ("{}", None),
    ("{}; a=1", "a=1"),
    ("a=1; {}", "a=1"),
    ("a=1; {}; b=2", "a=1; b=2"),
    ("a=1;{};b=2;{}", "a=1;b=2"),
    ("a=1; " + 20 * "{}; " + "b=2", "a=1; b=2"),
    ("".join(f"{{}}; a{n}=1; " for n in range(9)) + "b=2",
     "".join(f"a{n}=1; " for n in range(9)) + "b=2"),
    ("".join(f"{{}}; a{n}=1; " for n in range(10)) + "b=2", None),
    ("".join(f"__Host-{name}=x; a{n}=1; " for n, name in enumerate(OWN)) + "{}",
     "; ".join(f"a{n}=1" for n in range(len(OWN)))),
    ("{}; __Host-postern_session=x; __Secure-postern_session=x; a=1", "a=1"),
    ("postern_claim=x; a=1; {}; postern_reset=", "a=1"),
    ("my_postern_session=x; {}", "my_postern_session=x"),
    ("a=postern_session=x; {}", "a=postern_session=x"),
    ("a=\"b c\"; {}; =; ;c", "a=\"b c\"; =; ;c"),
]


@pytest.mark.parametrize("sent, wanted", COOKIES)
@pytest.mark.parametrize("path", ["/app/", "/fastcgi/"])
def test_our_cookie_stays_here_and_others_pass(
        gate_site, signed_in, path, sent, wanted):
    own = cookie_of(signed_in)
    seen = reached(gate_site.client().get(
        path, headers={"Cookie": sent.replace("{}", own)}))
    assert seen["headers"].get("cookie") == wanted
    assert own.partition("=")[2] not in json.dumps(seen)


def test_headers_sent_twice_are_gone_twice(gate_site, account, signed_in):
    own = cookie_of(signed_in)
    raw = raw_exchange(gate_site, "\r\n".join([
        "GET /app/ HTTP/1.1", f"Host: 127.0.0.1:{gate_site.port}",
        f"Cookie: {own}; a=1", "X-Auth-User: x", f"Cookie: {own}; b=2",
        "X-Auth-User: y", "X-Auth-Token: z", "", ""]).encode())
    sent = json.loads(parse_raw(raw)[2])["headers"]
    assert [v for n, v in sent if n == "cookie"] == ["a=1; b=2"]
    assert [v for n, v in sent if n == "x-auth-user"] == [account.id]
    assert not [v for n, v in sent if n == "x-auth-token"]


@pytest.mark.parametrize("path", ["/rest/", "/open-rest/"])
def test_a_location_keeps_what_it_matched(gate_site, signed_in, path):
    own = cookie_of(signed_in)
    seen = reached(gate_site.client().get(path + "of/it", headers={
        "Cookie": f"a=1; {own}; b=2", "Authorization": "Basic eDp5"}))
    assert seen["headers"]["x-rest"] == "of/it"
    assert seen["headers"]["cookie"] == "a=1; b=2"


def test_the_bearer_that_was_for_us_stays_here(gate_site, signed_in, tokens):
    for path in "/app/", "/bearer/", "/scgi/", "/uwsgi/", "/fastcgi/":
        for scheme in "Bearer", "bearer", "BEARER  ":
            seen = reached(gate_site.client().get(path, headers={
                "Authorization": f"{scheme} {tokens['access_token']}"}))
            assert "authorization" not in seen["headers"]
            assert tokens["access_token"] not in json.dumps(seen)
    basic = {"Authorization": "Basic eDp5"}
    seen = reached(signed_in.get("/app/", headers=basic))
    assert seen["headers"]["authorization"] == "Basic eDp5"


def test_a_body_reaches_the_application_whole(gate_site, signed_in, tokens):
    big = "0123456789abcdef" * 131072  # 2 MiB: over nginx's own default
    ours = {"Origin": gate_site.url}
    for path, body in (("/app/x?a=1", "a=1&b=2"), ("/large/", big)):
        seen = reached(signed_in.request("POST", path, data=body,
                                         headers=ours))
        assert seen["body"] == body
        assert (seen["method"], seen["uri"]) == ("POST", path)
        answer = gate_site.client().request(
            "PUT", path, data=body, token=tokens["access_token"])
        assert reached(answer)["body"] == body

    def in_parts():
        yield b"one, "
        yield b"two"
    seen = reached(signed_in.request("POST", "/fastcgi/", data=in_parts(),
                                     headers=ours))
    assert seen["body"] == "one, two"


# The signed identity ------------------------------------------------------

def verified(site, token, audience):
    keys = jwt.PyJWKClient(site.url + "/.well-known/jwks.json")
    logsearch.keep("an identity token", token)
    return jwt.decode(token, keys.get_signing_key_from_jwt(token).key,
                      algorithms=["ES256"], audience=audience,
                      issuer=site.url)


@pytest.mark.parametrize("path, audience", [
    ("/orders/", "orders"), ("/stock/", "https://stock.example.org")])
def test_the_upstream_gets_a_signed_identity(
        gate_site, account, signed_in, path, audience):
    seen = identity(signed_in.get(path, headers=SPOOFED))
    token = seen["x-auth-token"]
    claims = verified(gate_site, token, audience)
    assert jwt.get_unverified_header(token)["typ"] == "postern-id+jwt"
    assert claims["sub"] == account.id and claims["email"] == account.email
    assert claims["sid"] == seen["x-auth-session"]
    assert claims["exp"] - claims["iat"] == 60
    assert 0 <= claims["exp"] - time.time() - 28 <= 33
    with pytest.raises(jwt.InvalidAudienceError):
        verified(gate_site, token, "another")


def test_it_is_kept_for_a_while(signed_in):
    seen = {identity(signed_in.get("/orders/"))["x-auth-token"]
            for _ in range(24)}
    # Each worker signs one, and one more should its half life end meanwhile.
    assert len(seen) <= 8


def test_the_identity_opens_nothing_here(gate_site, signed_in):
    token = identity(signed_in.get("/orders/"))["x-auth-token"]
    claims_of(token)
    for path in "/auth/check", "/auth/me", "/app/", "/orders/":
        refused(gate_site.client().get(path, token=token), 401,
                "Invalid token")
    refused(gate_site.client().post("/auth/refresh", token=token), 401)
    refused(gate_site.client().post("/auth/logout", token=token), 401)


def test_a_script_gets_no_identity(gate_site, signed_in, tokens):
    headers = SPOOFED | {"Postern-Gate": "on", "POSTERN_GATE": "on",
                         "Postern-Audience": "orders"}
    for how in {}, {"token": tokens["access_token"]}:
        answer = signed_in.get("/auth/check", headers=headers, **how)
        assert answer.status_code == 204
        assert not NAMES - {"x-auth-user"} & {
            n.lower() for n in answer.headers}
    for path in "/postern-gate", "/postern-gate/", "/postern%2dgate":
        assert signed_in.get(path).status_code == 404
