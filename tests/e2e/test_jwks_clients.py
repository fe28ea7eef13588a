# SPDX-License-Identifier: ISC
"""Story: a service verifies access tokens by the public keys alone, with
libraries nobody here wrote: jose and jsonwebtoken for Node, PyJWT.

Keys are moved through time by moving the times in their rows.
"""

import json
import os
import secrets
import signal
import subprocess

import jwt
import pytest

import npm
import p256
from client import refused
from posterns import ctl, kind_of
from stack import SOURCE, Psql, clean_environment, end, spawn, until
from test_access_tokens import (Token, another_key, bad_signatures,
                                none_at_all, other_types,
                                public_key_as_secret, stripped)
from test_login import parts
from web import Browser

PATH = "/.well-known/jwks.json"


def kid_of(token):
    return parts(token)[0]["kid"]


def sid_of(token):
    return parts(token)[1]["sid"]


@pytest.fixture(scope="module")
def modules():
    return npm.modules()


@pytest.fixture
def keys(stack):
    """An instance of its own, and what happens to its keys."""
    site = stack.site(web_workers=1, password_workers=1)
    keys = Keys(site)
    yield keys
    keys.sql.close()
    assert not site.stop()


class Keys:
    def __init__(self, site):
        self.site, self.sql = site, Psql(site)
        self.account = site.account()

    @property
    def jwks(self):
        answer = self.site.client().get(PATH)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def kids(self):
        return [key["kid"] for key in self.jwks["keys"]]

    def token(self):
        return self.account.login()["access_token"]

    def ctl(self, *arguments):
        done = ctl(self.site, "key", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def take_up(self):
        """New workers, which read the keys; as SIGHUP makes them."""
        before = self.site.workers()
        self.site.posternd.send_signal(signal.SIGHUP)
        until(lambda: not before.items() & self.site.workers().items()
              and len(self.site.workers()) == len(before), 20, "new workers")

    def rotate(self, *how):
        """Makes a key; its name."""
        kid = self.ctl("rotate", *how).split()[0]
        if how:
            until(lambda: self.states()[kid] == "signs", 20, "the new key")
        self.take_up()
        return kid

    def states(self):
        lines = self.ctl("list").splitlines()[1:]
        return {line.split()[0]: line.split()[1] for line in lines}

    def pass_time(self, time):
        columns = "created_at", "active_at", "retired_at", "expires_at"
        moved = ", ".join(f"{c} = {c} - interval '{time}'" for c in columns)
        self.sql(f"UPDATE postern.signing_key SET {moved}; SELECT 1")
        self.take_up()

    def verdicts(self, tokens, modules, known=None):
        """What each library says of each token: {library: [sid or why]}.
        known are keys that were read before."""
        job = {"jwks": self.site.url + PATH, "keys": known,
               "issuer": self.site.url, "tokens": tokens}
        done = subprocess.run(
            ["node", os.path.join(SOURCE, "tests", "e2e", "verify.js")],
            input=json.dumps(job), capture_output=True, text=True,
            check=False, timeout=60,
            env=os.environ | {"NODE_PATH": modules})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) | {
            "PyJWT": [self.pyjwt(token, known) for token in tokens]}

    def pyjwt(self, token, known):
        try:
            if known is None:
                key = jwt.PyJWKClient(
                    self.site.url + PATH).get_signing_key_from_jwt(token)
            else:
                kid = jwt.get_unverified_header(token)["kid"]
                key = next((k for k in jwt.PyJWKSet.from_dict(known).keys
                            if k.key_id == kid), None)
                if key is None:
                    return "refused: no such key"
            return jwt.decode(token, key.key, algorithms=["ES256"],
                              issuer=self.site.url,
                              audience=self.site.url)["sid"]
        except (jwt.PyJWTError, KeyError) as e:
            return f"refused: {e}"


def all_take(verdicts, tokens):
    for library, said in verdicts.items():
        assert said == [sid_of(t) for t in tokens], (library, said)


def all_refuse(verdicts):
    for library, said in verdicts.items():
        assert all(s.startswith("refused") for s in said), (library, said)


def test_tokens_are_verified_before_and_after_a_rotation(keys, modules):
    first = keys.token()
    assert keys.kids == [kid_of(first)]
    all_take(keys.verdicts([first], modules), [first])

    # Published, but it does not sign yet.
    following = keys.rotate()
    assert set(keys.kids) == {kid_of(first), following}
    assert kid_of(keys.token()) == kid_of(first)
    known = keys.jwks

    # A day later it does; who read the keys yesterday knows it already.
    keys.pass_time("1 day")
    second = keys.token()
    assert kid_of(second) == following
    both = [first, second]
    all_take(keys.verdicts(both, modules), both)
    all_take(keys.verdicts(both, modules, known), both)
    assert keys.site.client().get("/auth/check",
                                  token=second).status_code == 204


def test_forged_tokens_are_refused_by_the_libraries_too(keys, modules):
    genuine = Token(keys.token())
    keys.rotate("--now")  # two keys to be confused with
    forged = [f for kind in (another_key, public_key_as_secret, none_at_all,
                             bad_signatures, stripped)
              for f in kind(genuine)]
    # What is no access token has no typ of one, whoever signed it.
    forged += list(other_types(genuine))
    other = p256.Key()
    forged += [genuine.forge(other.sign, {"kid": kid}) for kid in keys.kids]
    known = keys.jwks  # not one reading each
    all_take(keys.verdicts([genuine.text], modules, known), [genuine.text])
    all_refuse(keys.verdicts(forged, modules, known))


def test_a_retired_key_verifies_nothing_at_once(keys, modules):
    """It leaked: no library and no worker takes a token of it any more."""
    leaked = keys.token()
    check = keys.site.client()
    assert check.get("/auth/check", token=leaked).status_code == 204
    done = ctl(keys.site, "key", "retire", kid_of(leaked))
    assert done.returncode == 1 and "rotate --now" in done.stderr, done
    fresh = keys.rotate("--now")
    after = keys.token()
    assert kid_of(after) == fresh
    all_take(keys.verdicts([leaked, after], modules), [leaked, after])
    keys.ctl("retire", kid_of(leaked))
    keys.take_up()
    assert keys.kids == [fresh]
    all_refuse(keys.verdicts([leaked], modules))
    all_take(keys.verdicts([after], modules), [after])
    refused(check.get("/auth/check", token=leaked), 401, "Invalid token")
    assert check.get("/auth/check", token=after).status_code == 204


def test_a_worker_hears_of_a_new_key_by_its_first_token(stack):
    """No reload: the password pool signs with a key the web pool has not
    read yet."""
    site = stack.site(web_workers=1, password_workers=1)
    keys = Keys(site)
    try:
        kid = keys.ctl("rotate", "--now").split()[0]
        old = keys.site.workers()
        # The worker that signs is replaced; the one that verifies is not.
        for pid in old:
            if kind_of(pid) == "password":
                os.kill(pid, signal.SIGTERM)
        until(lambda: kid_of(keys.token()) == kid, 20, "the new key")
        token = keys.token()
        answer = site.client().get("/auth/check", token=token)
        assert answer.status_code == 204, answer.text
    finally:
        keys.sql.close()
        assert not site.stop()


def test_a_new_key_file_ends_what_the_old_one_sealed(keys):
    """Both leaked: the sessions of the API end, browsers stay signed in."""
    browser, before = Browser(keys.site), keys.account.login()
    browser.sign_in(keys.account)
    leaked = kid_of(before["access_token"])
    with open(keys.site.options["key_file"], "w", encoding="ascii") as f:
        f.write(secrets.token_hex(32) + "\n")
    keys.take_up()
    client = keys.site.client()
    until(lambda: client.get("/readyz", check=False).status_code == 200, 20,
          "the first key under the new file")
    assert leaked not in keys.kids and len(keys.kids) == 1
    keys.ctl("retire", leaked)
    assert keys.states() == {leaked: "over", keys.kids[0]: "signs"}
    refused(client.get("/auth/check", token=before["access_token"]), 401)
    refused(client.post("/auth/refresh", token=before["refresh_token"]), 401)
    assert browser.is_signed_in()
    assert kid_of(keys.token()) == keys.kids[0]


def test_without_a_key_there_is_no_empty_set(keys):
    """The workers began while the database was away.  Verifiers would keep
    the set for an hour, and refuse every token."""
    site, client = keys.site, keys.site.client()
    end(site.posternd)
    site.posternd = spawn(
        site.command(), site.log, cwd=site.home,
        env=clean_environment() | {"POSTERN_DATABASE": "host=/nowhere"})
    until(lambda: client.get("/healthz", check=False).status_code == 200, 20,
          "workers")
    answer = client.get(PATH, check=False)
    assert answer.status_code == 503, answer.text
    assert answer.elapsed.total_seconds() < 2
    assert answer.headers["Cache-Control"] == "no-store"
    assert int(answer.headers["Retry-After"]) >= 1


def test_posternctl_key_says_what_is_there_and_what_to_do(keys):
    first = kid_of(keys.token())
    assert keys.states() == {first: "signs"}
    following = keys.ctl("rotate").split()[0]
    assert keys.states() == {following: "next", first: "signs"}
    again = ctl(keys.site, "key", "rotate")
    assert again.returncode == 1 and following in again.stderr
    unknown = ctl(keys.site, "key", "retire", "nobody")
    assert unknown.returncode == 1 and "key list" in unknown.stderr
    keys.ctl("retire", following)
    assert keys.states() == {following: "over", first: "signs"}
    os.rename(keys.site.options["key_file"], keys.site.home + "/hidden")
    without = ctl(keys.site, "key", "rotate")
    os.rename(keys.site.home + "/hidden", keys.site.options["key_file"])
    assert without.returncode == 1 and "key_file" in without.stderr


@pytest.mark.parametrize("arguments", [
    [], ["list", "x"], ["list", "--now"], ["rotate", "x"], ["retire"],
    ["retire", "a", "b"], ["retire", "--now", "x"], ["remove", "x"],
    ["--wrong"],
], ids=" ".join)
def test_posternctl_key_refuses_what_it_does_not_know(site, arguments):
    done = ctl(site, "key", *arguments)
    assert done.returncode == 2 and "usage:" in done.stderr, done
