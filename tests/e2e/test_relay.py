# SPDX-License-Identifier: ISC
"""Story: a relay that wants TLS and a password, and those who play one."""

import os
import ssl
import subprocess
import time

import pytest
from aiosmtpd.smtp import AuthResult

from client import next_address
from mailsink import Sink
from stack import free_port, give

USER, SECRET = "postern", "relay secret"
VERIFY = "Verify Your Email Address"


@pytest.fixture(scope="module")
def certificates(stack):
    """A folder with an authority, and certificates of it for localhost and
    for another host, and one of another authority."""
    home = os.path.join(stack.home, "tls")
    os.mkdir(home, 0o755)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=home, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def authority(name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def issue(name, host, ca):
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}",
                "-addext", f"subjectAltName=DNS:{host}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem",
                "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2",
                "-copy_extensions", "copy", "-out", f"{name}.pem")
    authority("ours")
    authority("foreign")
    issue("good", "localhost", "ours")
    issue("other-host", "elsewhere.example", "ours")
    issue("untrusted", "localhost", "foreign")
    return home


class Relay:
    """A sink of its own, with an instance that uses it."""

    def __init__(self, stack, certificates, certificate, secret=SECRET):
        self.tries = []
        options = {}
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            path = os.path.join(certificates, certificate)
            context.load_cert_chain(path + ".pem", path + ".key")
            options = {"tls_context": context, "require_starttls": True,
                       "authenticator": self.authenticate,
                       "auth_required": True}
        self.sink = Sink(free_port(), **options)
        password = os.path.join(stack.home, "smtp-password")
        with open(password, "w", encoding="ascii") as f:
            f.write(secret + "\n")
        os.chmod(password, 0o600)
        give(password)
        self.site = stack.site(
            smtp_host="localhost", smtp_port=self.sink.port,
            smtp_tls="starttls", smtp_user=USER, mail_retry="1s",
            smtp_password_file=password, smtp_timeout="3s",
            smtp_ca_file=os.path.join(certificates, "ours.pem"))

    def authenticate(self, server, session, envelope, mechanism, data):
        self.tries.append(mechanism)
        good = (data.login, data.password) == (USER.encode(), SECRET.encode())
        return AuthResult(success=good, handled=good)

    def register(self):
        email = next_address()
        answer = self.site.client().post("/auth/register", {
            "email": email, "password": "a long enough secret"})
        assert answer.status_code == 201
        return email

    def stop(self):
        problems = self.site.stop()
        self.sink.stop()
        assert not problems, problems


@pytest.fixture
def relay(stack, certificates):
    made = []

    def make(*arguments, **kw):
        made.append(Relay(stack, certificates, *arguments, **kw))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def test_a_mail_goes_through_tls_with_the_password(relay):
    one = relay("good")
    for _ in range(3):
        one.sink.wait(one.register(), VERIFY)
    assert one.tries


@pytest.mark.parametrize("certificate, secret", [
    ("good", "a wrong secret"), ("other-host", SECRET),
    ("untrusted", SECRET), (None, SECRET),
], ids=["wrong password", "another host", "untrusted", "no TLS"])
def test_nothing_is_sent_to_who_is_not_the_relay(relay, certificate, secret):
    """No recipient is even named: a refused password does not go on without
    one, and no password goes to a host that is not proved."""
    one = relay(certificate, secret=secret)
    one.register()
    time.sleep(2.5)
    assert one.sink.attempts == {} and one.sink.mails == []
    assert bool(one.tries) == (certificate == "good")
