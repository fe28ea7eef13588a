# SPDX-License-Identifier: ISC
"""An SMTP relay that goes wrong wherever it is told to, and writes down what
it heard.

A session goes through the steps of STEPS.  What is planned for one happens
there in place of the proper answer:

    "451 later"   this reply (a step refused: 4xx, 5xx)
    b"..."        these bytes, whatever they are
    "hang"        nothing, until the other side goes
    "drop"        the connection is closed
    "keep"        (MESSAGE) the mail is taken, then the connection is closed
    Gate()        the proper answer, but only when the gate is opened
    f             the reply that f(session) returns

Plain sockets: no library here that would mend what a test wants broken.
"""

import base64
import itertools
import os
import socket
import ssl
import subprocess
import threading
import time

import logsearch
from mailsink import Mail

STEPS = ("GREETING", "EHLO", "STARTTLS", "TLS", "AUTH", "MAIL", "RCPT",
         "DATA", "MESSAGE", "QUIT")
LONGEST = 60  # seconds a session may take


class Gone(Exception):
    """The session is over."""


class Gate:
    """Holds a session at a step until it is opened."""

    def __init__(self):
        self.reached, self.opened = threading.Event(), threading.Event()

    def wait_for(self, within=10):
        assert self.reached.wait(within), f"not reached within {within} s"

    def open(self):
        self.opened.set()


class Envelope:
    def __init__(self, sender, recipient, content):
        self.mail_from, self.original_content = sender, content
        self.recipient = recipient


class Session(threading.Thread):
    """One connection."""

    def __init__(self, relay, sock, plan):
        super().__init__(daemon=True)
        self.relay, self.sock, self.plan = relay, sock, plan
        self.began, self.ended = time.monotonic(), None
        self.heard = []  # pairs: a command's first words, whether encrypted
        self.encrypted = self.authenticated = False
        self.server_name = None  # as the client named it in its TLS hello
        self.sender = self.recipient = None
        self.pending = b""
        sock.settimeout(LONGEST)

    @property
    def verbs(self):
        return [command.split()[0].upper() if command else ""
                for command, _ in self.heard]

    # Talking. ----------------------------------------------------------------

    def run(self):
        try:
            self.answer("GREETING", "220 relay ESMTP")
            while True:
                self.obey(self.read_line())
        except (Gone, OSError):
            pass
        finally:
            self.sock.close()
            self.ended = time.monotonic()
            self.relay.note()

    def read_line(self):
        while b"\n" not in self.pending:
            more = self.sock.recv(65536)
            if not more:
                raise Gone
            self.pending += more
        line, _, self.pending = self.pending.partition(b"\n")
        return line.rstrip(b"\r")

    def say(self, text):
        self.sock.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")

    def wait_for_end(self):
        while self.sock.recv(65536):
            pass
        raise Gone

    def answer(self, step, proper):
        """The planned or the proper reply; whether it was positive."""
        what = self.plan.pop(step, None)
        if isinstance(what, Gate):
            what.reached.set()
            what.opened.wait(LONGEST)
            what = None
        if callable(what):
            what = what(self)
        if what == "hang":
            self.wait_for_end()
        if what in ("drop", "keep"):
            raise Gone
        if isinstance(what, bytes):
            self.sock.sendall(what)
            return True
        self.say(what or proper)
        return (what or proper)[0] in "23"

    # The commands. -----------------------------------------------------------

    def obey(self, line):
        text = line.decode("utf-8", "replace")
        verb = text.partition(" ")[0].upper()
        self.heard.append((text[:200], self.encrypted))
        act = getattr(self, "do_" + verb, None)
        if act is None:
            self.say("502 no such command")
        else:
            act(text)

    def do_EHLO(self, _):
        offers = ["relay", *self.relay.extensions]
        if self.relay.tls and not self.encrypted:
            offers.append("STARTTLS")
        if self.relay.login and (self.encrypted or self.relay.plain_auth):
            offers.append("AUTH LOGIN PLAIN")
        last = len(offers) - 1
        self.answer("EHLO", "\n".join(
            f"250{' ' if i == last else '-'}{offer}"
            for i, offer in enumerate(offers)))

    def do_HELO(self, _):
        self.say("250 relay")

    def do_STARTTLS(self, _):
        if not self.answer("STARTTLS", "220 go ahead"):
            return
        self.pending = b""
        self.answer_tls()
        context = self.relay.tls
        context.sni_callback = self.note_name
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.encrypted = True

    def answer_tls(self):
        what = self.plan.pop("TLS", None)
        if what == "hang":
            self.wait_for_end()
        if what == "drop":
            raise Gone
        if what is not None:
            self.sock.sendall(what)

    def note_name(self, _socket, name, _context):
        self.server_name = name

    def do_AUTH(self, text):
        words = text.split()
        given = [base64.b64decode(word).decode() for word in words[2:]]
        if words[1].upper() == "PLAIN":
            given = (given or [self.ask("")])[0].split("\0")[1:]
        else:
            given += [self.ask(prompt) for prompt in
                      ("Username:", "Password:")[len(given):]]
        good = tuple(given) == self.relay.login
        proper = "235 welcome" if good else "535 wrong"
        self.authenticated = self.answer("AUTH", proper) and good

    def ask(self, prompt):
        self.say("334 " + base64.b64encode(prompt.encode()).decode())
        return base64.b64decode(self.read_line()).decode()

    def do_MAIL(self, text):
        if self.answer("MAIL", "250 ok"):
            self.sender = text.partition("<")[2].partition(">")[0]

    def do_RCPT(self, text):
        if self.sender is None:
            self.say("503 no sender")
        elif self.answer("RCPT", "250 ok"):
            self.recipient = text.partition("<")[2].partition(">")[0]

    def do_DATA(self, _):
        if self.recipient is None:
            self.say("503 no recipient")
            return
        if not self.answer("DATA", "354 go on"):
            return
        lines = []
        while (line := self.read_line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        self.content = b"\r\n".join(lines) + b"\r\n"
        keep = self.plan.get("MESSAGE") == "keep"
        if keep:
            self.relay.keep(self)
        if self.answer("MESSAGE", "250 taken") and not keep:
            self.relay.keep(self)

    def do_QUIT(self, _):
        self.answer("QUIT", "221 bye")
        raise Gone


class Relay:
    """The server: a thread a session.  `plans` are for the coming sessions,
    one each; `always` is for those that come without."""

    def __init__(self, login=None, tls=None, plain_auth=True,
                 extensions=("8BITMIME", "PIPELINING")):
        self.login, self.tls, self.plain_auth = login, tls, plain_auth
        self.extensions = extensions
        self.plans, self.always = [], {}
        self.sessions, self.mails = [], []
        self.changed = threading.Condition()
        self.port, self.listener = 0, None
        self.start()

    def start(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,),
                         daemon=True).start()

    def stop(self):
        """Connections are refused from now on."""
        # close() alone would leave the accept() under way as it is.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self.changed:
                plan = dict(self.plans.pop(0) if self.plans else self.always)
                session = Session(self, sock, plan)
                self.sessions.append(session)
            session.start()

    def note(self):
        with self.changed:
            self.changed.notify_all()

    def keep(self, session):
        mail = Mail(Envelope(session.sender, session.recipient,
                             session.content), session.recipient)
        with self.changed:
            self.mails.append(mail)
            self.changed.notify_all()

    # The tests' side. --------------------------------------------------------

    def plan(self, *plans):
        with self.changed:
            self.plans += plans

    def to(self, email):
        with self.changed:
            return [m for m in self.mails if m.recipient == email]

    def wait(self, email, count=1, within=10):
        """The mails for email, once there are count."""
        return self.until(lambda: len(self.to(email)) >= count
                          and self.to(email), within, f"a mail to {email}")

    def wait_session(self, number, within=10):
        """The session of this number (from 0), once it is over."""
        return self.until(
            lambda: len(self.sessions) > number
            and self.sessions[number].ended is not None
            and self.sessions[number], within, f"session {number}")

    def until(self, found, within, what):
        deadline = time.monotonic() + within
        with self.changed:
            while not (result := found()):
                left = deadline - time.monotonic()
                assert left > 0, f"waited {within} s for {what}"
                self.changed.wait(min(left, 0.1))
        return result


# Certificates. ---------------------------------------------------------------

class Authority:
    """An authority of its own, made with openssl(1) at run time."""

    numbers = itertools.count(1)

    def __init__(self, home, name="authority"):
        self.home, self.name = home, name
        os.makedirs(home, exist_ok=True)
        os.chmod(home, 0o755)
        self.file = os.path.join(home, name + ".pem")
        self.openssl("req", "-x509", *self.new_key(name), "-days", "2",
                     "-subj", f"/CN={name}", "-addext",
                     "keyUsage=critical,keyCertSign,cRLSign",
                     "-out", self.file)

    def openssl(self, *arguments, check=True):
        done = subprocess.run(["openssl", *arguments], cwd=self.home,
                              stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0 or not check, done.stdout
        return done.returncode == 0

    def new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", name + ".key")

    def context(self, names, expired=False, self_signed=False):
        """A server's context with a certificate for names ("DNS:a, IP:b")."""
        stem = f"{self.name}{next(self.numbers)}"
        subject = ("-subj", "/CN=relay", "-addext", f"subjectAltName={names}")
        if self_signed:
            self.openssl("req", "-x509", *self.new_key(stem), *subject,
                         "-days", "2", "-out", stem + ".pem")
        else:
            self.openssl("req", *self.new_key(stem), *subject,
                         "-out", stem + ".csr")
            self.sign(stem, expired)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.home, stem + ".pem"),
                                os.path.join(self.home, stem + ".key"))
        return context

    def sign(self, stem, expired):
        sign = ("x509", "-req", "-in", stem + ".csr", "-CA", self.file,
                "-CAkey", self.name + ".key", "-CAcreateserial",
                "-copy_extensions", "copy", "-out", stem + ".pem")
        past = ("-not_before", "20200101000000Z", "-not_after",
                "20200102000000Z")
        if not expired:
            self.openssl(*sign, "-days", "2")
        elif not self.openssl(*sign, *past, check=False):
            self.openssl(*sign, "-days", "-1")  # before OpenSSL 3.4


def password_file(site_home, secret):
    """A file with the relay's password; registered as a secret."""
    logsearch.keep("the relay's password", secret)
    path = os.path.join(site_home, "smtp-password")
    with open(path, "w", encoding="ascii") as f:
        f.write(secret + "\n")
    os.chmod(path, 0o600)
    return path
