# SPDX-License-Identifier: ISC
"""Story: an application behind nginx is opened to who is signed in, and to
nobody else, whatever he sends."""

import json
import re
import time

import jwt
import pytest

import logsearch
from client import parse_raw, raw_exchange, refused
from stack import Psql, end, until
from upstream import TYPE, Upstream
from web import Browser

UUID = "00000000-0000-7000-8000-000000000000"
SPOOFED = {"X-Auth-User": UUID, "X-Auth-Email": "root@example.com",
           "X-Auth-Session": UUID, "X-Auth-Token": "forged",
           "x-aUTH-uSER": UUID, "X_Auth_User": UUID, "X_AUTH_EMAIL": "x@y.z"}
NAMES = {"x-auth-user", "x-auth-email", "x-auth-session", "x-auth-token"}
PROTECT = "include snippets/postern-protect.conf;"

MAPS = """
map $postern_email $is_admin {{
  default 0;
  ~^admin[0-9]*@example\\.com$ 1;
}}
"""
LOCATIONS = """
include snippets/postern-gate.conf;
set $up http://127.0.0.1:{http};
location /app/ {{ {protect} proxy_pass $up; }}
location /open/ {{ include snippets/postern-clear.conf; proxy_pass $up; }}
location /cookie/ {{
  set $postern_accept cookie; set $postern_audience cookies;
  {protect} proxy_pass $up;
}}
location /bearer/ {{
  set $postern_accept bearer; {protect} proxy_pass $up;
}}
location /orders/ {{
  set $postern_audience orders; {protect} proxy_pass $up;
}}
location /stock/ {{
  {protect} set $postern_audience https://stock.example.org; proxy_pass $up;
}}
location /verified/ {{
  set $postern_verified on; {protect} proxy_pass $up;
}}
location /elsewhere/ {{
  set $postern_origin https://app.example.org; {protect} proxy_pass $up;
}}
location /wrong/accept {{
  set $postern_accept cokie; {protect} proxy_pass $up;
}}
location /wrong/verified {{
  set $postern_verified yes; {protect} proxy_pass $up;
}}
location /wrong/audience {{
  set $postern_audience "a b"; {protect} proxy_pass $up;
}}
location /intercepted/ {{
  {protect} proxy_intercept_errors on; proxy_pass $up;
}}
location /large/ {{
  client_max_body_size 8m; {protect} proxy_pass $up;
}}
location /ws/ {{
  {protect} proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection upgrade;
  proxy_pass $up;
}}
location /admin/ {{
  {protect}
  try_files /nonexistent @admin;
}}
location @admin {{
  if ($is_admin = 0) {{ return 403; }}
  include snippets/postern-identity.conf;
  proxy_pass $up;
}}
location /scgi/ {{
  scgi_param CONTENT_LENGTH $content_length;
  {protect} scgi_pass 127.0.0.1:{scgi};
}}
location /fastcgi/ {{ {protect} fastcgi_pass 127.0.0.1:{fastcgi}; }}
location /open-scgi/ {{
  scgi_param CONTENT_LENGTH $content_length;
  include snippets/postern-clear.conf; scgi_pass 127.0.0.1:{scgi};
}}
location /open-fastcgi/ {{
  include snippets/postern-clear.conf; fastcgi_pass 127.0.0.1:{fastcgi};
}}
"""


@pytest.fixture(scope="module")
def upstream():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def gate_site(stack, upstream):
    site = stack.site(maps=MAPS.format(), locations=LOCATIONS.format(
        protect=PROTECT, http=upstream.http, scgi=upstream.scgi,
        fastcgi=upstream.fastcgi))
    yield site
    problems = site.stop()
    assert not problems, problems


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


def sign_in(site, account):
    client = site.client()
    answer = client.request("POST", "/login", data=account.credentials(),
                            headers={"Origin": site.url})
    assert answer.status_code == 303, answer.text
    return client


def cookie_of(client):
    """The whole Cookie header of a browser that is signed in."""
    value = client.session.cookies["postern_session"]
    logsearch.keep("a session's cookie", value)
    return f"postern_session={value}"


def reached(answer):
    """What the application saw of a request that reached it."""
    assert answer.status_code == 200, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == TYPE
    seen = json.loads(answer.content)
    seen["sent"] = seen["headers"]
    seen["headers"] = dict(seen["headers"])
    assert len(seen["headers"]) == len(seen["sent"]), seen["sent"]
    return seen


def identity(answer):
    return {n: v for n, v in reached(answer)["headers"].items()
            if n.replace("_", "-") in NAMES}


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
                                  "/admin/", "/scgi/", "/fastcgi/"])
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
    seen = identity(browser.get("/orders/", headers=SPOOFED))
    assert "x-auth-email" not in seen and seen["x-auth-user"] == account.id
    assert "email" not in claims_of(seen["x-auth-token"])


def test_a_location_may_list_addresses(gate_site, signed_in):
    admin = sign_in(gate_site, gate_site.account(email="admin1@example.com"))
    seen = identity(admin.get("/admin/"))
    assert seen["x-auth-email"] == "admin1@example.com"
    answer = signed_in.get("/admin/", headers=SPOOFED, check=False)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["accept", "verified", "audience"])
def test_a_misspelt_rule_opens_nothing(gate_site, signed_in, tokens, path):
    for how in {}, {"token": tokens["access_token"]}:
        answer = signed_in.get("/wrong/" + path, check=False, **how)
        assert answer.status_code == 500, answer.text
        assert answer.json()["code"] == "internal_error"
    until(lambda: f"$postern_{path} is none of" in gate_site.tail(200), 5,
          "the log line")


# What reaches the application ---------------------------------------------

@pytest.mark.parametrize("path", ["/app/", "/scgi/", "/fastcgi/"])
def test_nobody_names_himself(account, signed_in, path):
    seen = identity(signed_in.get(path, headers=SPOOFED))
    assert seen["x-auth-user"] == account.id
    assert seen["x-auth-email"] == account.email
    assert set(seen) == NAMES - {"x-auth-token"}


@pytest.mark.parametrize("path", ["/open/", "/open-scgi/", "/open-fastcgi/"])
def test_an_open_location_names_nobody(signed_in, path):
    seen = reached(signed_in.get(path, headers=SPOOFED | {
        "Cookie": cookie_of(signed_in) + "; theme=dark"}))
    assert not [n for n in seen["headers"] if n.startswith("x-auth")]
    assert seen["headers"]["cookie"] == "theme=dark"


COOKIES = [
    ("{}", None),
    ("{}; a=1", "a=1"),
    ("a=1; {}", "a=1"),
    ("a=1; {}; b=2", "a=1; b=2"),
    ("a=1;{};b=2;{}", "a=1;b=2"),
    ("a=1; {}; {}; {}; {}; b=2", "a=1; b=2"),
    ("a=1; {}; {}; {}; {}; {}; b=2", None),
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


def test_the_bearer_that_was_for_us_stays_here(gate_site, signed_in, tokens):
    for path in "/app/", "/bearer/", "/scgi/", "/fastcgi/":
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


# What happens when it is shut ---------------------------------------------

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html,*/*;q=0.8"}


@pytest.mark.parametrize("headers, redirected", [
    (NAVIGATION, True),
    ({"Accept": "text/html,application/xhtml+xml"}, True),
    ({"Sec-Fetch-Mode": "navigate"}, True),
    ({"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, False),
    ({"Accept": "application/json"}, False),
    ({}, False),
], ids=str)
def test_people_go_to_the_sign_in_and_scripts_hear_401(
        gate_site, headers, redirected):
    answer = gate_site.client().get("/app/", headers=headers)
    if redirected:
        assert answer.status_code == 303
        assert answer.headers["Location"] == "/login?next=/app/"
        assert answer.headers["Cache-Control"] == "no-store"
    else:
        body = refused(answer, 401, "Authorization token is missing")
        assert body["code"] == "token_missing"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("uri", [
    "/app/a?b=1&c=2", "/app/%20%26%2f%25?x=%26y", "/app/?next=//evil.example",
    "/app/;a+b?q=%C3%A4%0D%0A"])
def test_they_come_back_to_where_they_wanted(gate_site, account, uri):
    client = gate_site.client()
    raw = raw_exchange(gate_site, (
        f"GET {uri} HTTP/1.1\r\nHost: 127.0.0.1:{gate_site.port}\r\n"
        "Sec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n").encode())
    status, headers, _ = parse_raw(raw)
    assert status == 303
    values = account.credentials()
    page = client.get(headers["location"])
    values["next"] = re.search(r'name="next" value="([^"]*)"',
                               page.text)[1].replace("&amp;", "&")
    answer = client.request("POST", "/login", data=values,
                            headers={"Origin": gate_site.url})
    assert answer.headers["Location"] == uri


def test_from_another_host_the_sign_in_is_a_url(gate_site):
    answer = gate_site.client().get("/elsewhere/?a=1", headers=NAVIGATION)
    assert answer.headers["Location"] == gate_site.url + (
        "/login?next=https%3A//app.example.org/elsewhere/%3Fa%3D1")
    answer = gate_site.client().request("POST", "/app/", headers=NAVIGATION)
    assert answer.headers["Location"] == "/login"
    answer = gate_site.client().get("/app/" + "x" * 3000, headers=NAVIGATION)
    assert answer.headers["Location"] == "/login"


def test_the_applications_own_401_is_not_ours(gate_site, signed_in):
    answer = signed_in.get("/intercepted/refuse", headers=NAVIGATION,
                           check=False)
    assert answer.status_code == 401
    answer = signed_in.get("/app/refuse", headers=NAVIGATION, check=False)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == TYPE


# Other sites --------------------------------------------------------------

def sites(site):
    own = site.url
    return [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": own}, True),
        ({"Origin": own}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": own}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "nonsense"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": own + "0"}, False),
        ({"Origin": own.replace("127.0.0.1", "localhost")}, False),
        ({"Origin": own.replace("http:", "https:")}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ]


def test_another_site_cannot_use_the_cookie(gate_site, signed_in, tokens,
                                            upstream):
    for method in "POST", "PUT", "DELETE":
        for headers, passes in sites(gate_site):
            before = upstream.seen
            answer = signed_in.request(method, "/app/", headers=headers)
            if passes:
                reached(answer)
                continue
            body = refused(answer, 403, "This request came from another site")
            assert body["code"] == "foreign_origin"
            assert upstream.seen == before
    for headers, _ in sites(gate_site):
        assert signed_in.get("/app/", headers=headers).status_code == 200
        assert gate_site.client().post(
            "/app/", headers=headers,
            token=tokens["access_token"]).status_code == 200


def test_a_location_knows_how_browsers_see_it(signed_in, gate_site):
    for origin, status in (("https://app.example.org", 200),
                           (gate_site.url, 403)):
        answer = signed_in.request("POST", "/elsewhere/",
                                   headers={"Origin": origin})
        assert answer.status_code == status


def upgrade(site, client, headers, upgrade="websocket"):
    lines = [f"{n}: {v}" for n, v in headers.items()]
    raw = raw_exchange(site, "\r\n".join([
        "GET /ws/ HTTP/1.1", f"Host: 127.0.0.1:{site.port}",
        f"Upgrade: {upgrade}", "Connection: Upgrade",
        f"Cookie: {cookie_of(client)}", *lines, "", ""]).encode())
    return parse_raw(raw)[0]


def test_another_site_cannot_open_a_websocket(gate_site, signed_in):
    for headers, passes in sites(gate_site):
        status = upgrade(gate_site, signed_in, headers)
        assert status == (101 if passes else 403), headers
    assert upgrade(gate_site, signed_in, {"Origin": "https://evil.example"},
                   "WebSocket") == 403


# The signed identity ------------------------------------------------------

def claims_of(token):
    logsearch.keep("an identity token", token)
    return jwt.decode(token, options={"verify_signature": False})


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


# The database -------------------------------------------------------------

def test_a_check_is_one_statement(gate_site, signed_in):
    psql = Psql(gate_site)
    psql(f"ALTER DATABASE {gate_site.database} SET log_statement = 'all';"
         " SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
         " WHERE usename = 'postern_web' AND datname = current_database()")
    reached(signed_in.get("/orders/"))
    log = gate_site.cluster.home + "/log"
    with open(log, encoding="utf-8") as f:
        f.seek(0, 2)
        for _ in range(10):
            reached(signed_in.get("/orders/"))
        pids = psql("SELECT string_agg(pid::text, '|') FROM pg_stat_activity"
                    " WHERE usename = 'postern_web'"
                    " AND datname = current_database()")
        psql(f"ALTER DATABASE {gate_site.database} RESET log_statement;"
             " SELECT 1")
        psql.close()
        ran = re.findall(rf"\[(?:{pids})\] .*(?:execute|statement:) (\S+)",
                         f.read())
    ran = [name for name in ran if name != "signing_key_all:"]
    assert ran == ["browser_session_check:"] * 10, ran


def unavailable(client):
    """Asserts that neither a script nor a person is told to sign in."""
    for headers in {}, NAVIGATION:
        answer = client.get("/app/", headers=headers, check=False)
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "unavailable"
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["Cache-Control"] == "no-store"


def test_without_the_database_it_is_503_and_no_sign_in(
        gate_site, signed_in, upstream):
    name, before = gate_site.database, upstream.seen
    gate_site.cluster.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        gate_site.cluster.psql("SELECT pg_terminate_backend(pid)"
                               " FROM pg_stat_activity"
                               f" WHERE datname = '{name}'")
        unavailable(signed_in)
        assert upstream.seen == before
    finally:
        gate_site.cluster.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    until(lambda: signed_in.get("/app/", check=False).status_code == 200, 10,
          "the database")


def test_without_posternd_it_is_503_too(gate_site, signed_in, upstream):
    before = upstream.seen
    assert end(gate_site.posternd) == 0
    unavailable(signed_in)
    assert upstream.seen == before
    gate_site.start_posternd()
    assert signed_in.get("/app/").status_code == 200
