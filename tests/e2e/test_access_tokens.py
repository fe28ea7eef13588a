# SPDX-License-Identifier: ISC
"""Story: somebody forges access tokens.  Logout is the door they try."""

import base64
import hashlib
import hmac
import json
import time

import pytest

import p256
from client import granted, refused
from test_login import parts

INVALID = "Invalid token"
OURS = p256.Key()


def b64(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Token:
    """A genuine token, taken to pieces."""

    def __init__(self, text):
        self.text = text
        self.signed, _, self.signature = text.rpartition(".")
        self.header, self.claims = parts(text)

    def forge(self, signer, header=None, drop=(), **claims):
        """The same with changes, signed anew."""
        head = {k: v for k, v in (self.header | (header or {})).items()
                if k not in drop}
        signed = f"{b64(head)}.{b64(self.claims | claims)}"
        return f"{signed}.{b64(signer(signed.encode()))}"

    def own(self, header=None, drop=(), **claims):
        return self.forge(OURS.sign, header, drop, **claims)


def hs256(key):
    return lambda data: hmac.new(key, data, hashlib.sha256).digest()


def none_at_all(t):
    for alg in "none", "None", "NONE", "nOnE", "", None, 0, False:
        for sign in lambda d: b"", lambda d: b"x", OURS.sign:
            yield t.forge(sign, {"alg": alg})
        yield t.forge(lambda d: b"", {"alg": alg}, claims={}).rstrip(".")


def public_key_as_secret(t):
    keys = [b"", t.header["kid"].encode(), b"secret", b"\0" * 32]
    for public in p256.recover(t.signed.encode(), unb64(t.signature)):
        keys += p256.encodings(public)
    for key in keys:
        yield t.forge(hs256(key), {"alg": "HS256"})
        yield t.forge(hs256(key))


def other_algorithms(t):
    for alg in ("ES384", "ES512", "ES256K", "RS256", "PS256", "EdDSA", "HS256",
                "HS384", "HS512", "es256", "ES256 ", ["ES256"], {}, 256):
        yield t.own({"alg": alg})
        yield f"{b64(t.header | {'alg': alg})}.{b64(t.claims)}.{t.signature}"
    yield t.own(drop=["alg"])


def kid_tricks(t):
    for kid in ("", " ", "x", "x" * 4096, "../../../../../dev/null",
                "/dev/null", "' OR '1'='1", "x' UNION SELECT '", "%", "_",
                "\0", t.header["kid"] + "\0", t.header["kid"] + " ",
                t.header["kid"].swapcase(), t.header["kid"][:-1], "|id", "\n",
                None, 0, -1, True, [], [t.header["kid"]], {}, "ü", "\ud800"):
        yield t.own({"kid": kid})
        yield f"{b64(t.header | {'kid': kid})}.{b64(t.claims)}.{t.signature}"
        yield t.forge(hs256(b""), {"kid": kid, "alg": "HS256"})
    yield t.own(drop=["kid"])


def stripped(t):
    header, claims, _ = t.text.split(".")
    yield from (t.signed, t.signed + ".", header, header + ".", header + "..",
                f".{claims}.", f"..{t.signature}", f"{header}..{t.signature}",
                f".{claims}.{t.signature}", "..", ".", "...", claims)


def bad_signatures(t):
    good = unb64(t.signature)
    r, s = good[:32], good[32:]
    n = p256.N.to_bytes(32, "big")
    for raw in (b"", b"\0" * 64, b"\xff" * 64, s + r, r + b"\0" * 32,
                b"\0" * 32 + s, n + n, r, good + b"\0", good[:-1],
                b"\0" + r + b"\0" + s, b"\0" * 31 + b"\1" + s,
                bytes([good[0] ^ 1]) + good[1:], good[:-1]
                + bytes([good[-1] ^ 1]), good * 2,
                b"\x30\x44\x02\x20" + r + b"\x02\x20" + s,
                b"\x30\x46\x02\x21\0" + r + b"\x02\x21\0" + s):
        yield f"{t.signed}.{b64(raw)}"


def another_key(t):
    yield t.own()
    x, y = (b64(c.to_bytes(32, "big")) for c in OURS.public)
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y,
           "kid": t.header["kid"], "alg": "ES256", "use": "sig"}
    for header in ({"jwk": jwk}, {"jku": "http://127.0.0.1:1/jwks.json"},
                   {"x5u": "http://127.0.0.1:1/cert.pem"}, {"x5c": ["MIIB"]},
                   {"jwk": jwk, "kid": "mine"}, {"jwks": {"keys": [jwk]}}):
        yield t.own(header)
        yield t.own(header, drop=["kid"])


def critical(t):
    for crit in (["exp"], ["b64"], [], "exp", None, ["x"]):
        yield t.own({"crit": crit})
        yield t.own({"crit": crit, "b64": False, "x": 1})
        yield (f"{b64(t.header | {'crit': crit})}.{b64(t.claims)}"
               f".{t.signature}")


def other_types(t):
    for typ in "JWT", "rt+jwt", "logout+jwt", "id+jwt", "", None, ["at+jwt"]:
        yield t.own({"typ": typ})
        yield f"{b64(t.header | {'typ': typ})}.{b64(t.claims)}.{t.signature}"
    yield t.own(drop=["typ"])


def other_claims(t):
    now = int(time.time())
    for claims in ({"exp": now + 10**8}, {"exp": 1e300}, {"exp": "never"},
                   {"exp": None}, {"sub": "0" * 8}, {"sub": None},
                   {"sid": t.claims["jti"]}, {"iss": "http://evil.example"},
                   {"aud": "other"}, {"aud": []}, {"iat": -1}, {"nbf": 10**11},
                   {"sub": "00000000-0000-0000-0000-000000000000"}):
        yield t.own(**claims)
        yield f"{b64(t.header)}.{b64(t.claims | claims)}.{t.signature}"
    for text in (b"", b"null", b"[]", b"1", b"{", b"\xff", b"\0", b'"x"',
                 b'{"sub": 1}', b"{}{}", b'{"a":1,"a":1}', b"[" * 2000):
        yield f"{b64(t.header)}.{b64(text)}.{t.signature}"
        yield f"{b64(text)}.{b64(t.claims)}.{t.signature}"
        signed = f"{b64(t.header)}.{b64(text)}"
        yield f"{signed}.{b64(OURS.sign(signed.encode()))}"


def loose_base64(t):
    alphabet = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                "0123456789-_")
    last = alphabet.index(t.text[-1])
    for bits in range(1, 16):  # 64 bytes leave four bits unused
        if last | bits != last:
            yield t.text[:-1] + alphabet[last | bits]
    header, claims, signature = t.text.split(".")
    for loose in (signature + "=", signature + "==", signature + "A",
                  signature.replace("-", "+").replace("_", "/") + "=",
                  signature[:10] + "=" + signature[10:],
                  signature + "%3D", signature + "!", "-" + signature):
        yield f"{header}.{claims}.{loose}"
    yield f"{header}=.{claims}.{signature}"
    yield f"{header}.{claims}=.{signature}"
    yield f"{header}.{claims}==.{signature}"


def other_forms(t):
    header, claims, signature = t.text.split(".")
    yield from (t.text + ".", "." + t.text, t.text + "." + signature,
                f"{t.text}.{signature}.{signature}", t.text + t.text,
                t.text.swapcase(), "Bearer " + t.text, t.text[:-1],
                t.text[1:], t.text + ",", f"<{t.text}>", f'"{t.text}"',
                t.text.replace(".", ".."), "x" * 7500, "." * 7500,
                "e30." * 1800, "A" * 7000 + "." + claims + "." + signature,
                b64({"payload": claims, "protected": header,
                     "signature": signature}),
                t.claims["jti"], t.claims["sub"], t.claims["sid"])


FORGERIES = [none_at_all, public_key_as_secret, other_algorithms, kid_tricks,
             stripped, bad_signatures, another_key, critical, other_types,
             other_claims, loose_base64, other_forms]


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda f: f.__name__)
def test_a_forged_token_opens_nothing(site, account, forgery):
    token = Token(account.login()["access_token"])
    client = site.client()
    for n, forged in enumerate(forgery(token)):
        if n % 100 == 99:  # 200 calls a minute
            client = site.client()
        assert forged != token.text
        answer = client.post("/auth/logout", token=forged)
        assert answer.status_code == 401, (forged, answer.text)
        refused(answer, 401, INVALID)
    granted(site.client().post("/auth/logout", token=token.text),
            "Logout successful")


def test_a_genuine_token_is_judged_by_its_own_key(site, account):
    """The public key found out from one signature verifies another, so the
    forgeries above were made with the right one."""
    tokens = [Token(account.login()["access_token"]) for _ in range(2)]
    keys = [set(p256.recover(t.signed.encode(), unb64(t.signature)))
            for t in tokens]
    assert len(keys[0] & keys[1]) == 1


@pytest.mark.parametrize("size, statuses", [
    (8000, {401}), (20000, {400, 431}), (100000, {400, 431})])
def test_a_header_may_be_too_long(site, client, size, statuses):
    answer = client.post("/auth/logout", token="x" * size)
    assert answer.status_code in statuses
    refused(answer, answer.status_code)


@pytest.fixture(scope="session")
def short_lived(stack):
    """A token that is long over when the late tests run."""
    site = stack.site(access_token_lifetime="1s")
    account = site.account()
    tokens = account.login()
    return site, tokens, time.monotonic()


@pytest.mark.early
def test_a_short_lived_token_says_how_long(short_lived):
    _, tokens, _ = short_lived
    claims = parts(tokens["access_token"])[1]
    assert tokens["expires_in"] == 1
    assert claims["exp"] - claims["iat"] == 1


@pytest.mark.late
def test_a_token_ends_with_its_time(short_lived):
    site, tokens, made = short_lived
    time.sleep(max(0, 33 - (time.monotonic() - made)))  # 30 s of skew
    client = site.client()
    refused(client.post("/auth/logout", token=tokens["access_token"]), 401,
            "Token has expired")
    forged = Token(tokens["access_token"]).own()
    refused(client.post("/auth/logout", token=forged), 401, INVALID)
    answer = client.post("/auth/refresh", token=tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    granted(client.post("/auth/logout", token=answer.json()["access_token"]),
            "Logout successful")
