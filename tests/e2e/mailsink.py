# SPDX-License-Identifier: ISC
"""An SMTP server in a thread that keeps what it is given.

Tests wait for mails by recipient and subject, and may tell it to refuse, to
hang up or to fall silent on the next mails for an address.
"""

import asyncio
import email
import email.policy
import re
import socket
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

import logsearch

PATIENCE = 10


class PlainSMTP(SMTP):
    """Takes an address as it is written; aiosmtpd would decode what looks
    like an encoded word.  Says at once that it has what came: libesmtp waits
    for that twice a mail, which takes 40 ms where nobody hurries."""

    def data_received(self, data):
        self.transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        super().data_received(data)

    def _getaddr(self, arg):
        found = re.match(r"<([^<>\s]*)>(.*)", arg or "")
        return found.groups() if found else (None, None)


class SinkController(Controller):
    def factory(self):
        return PlainSMTP(self.handler, **self.SMTP_kwargs)


class Mail:
    def __init__(self, envelope, recipient):
        self.at = time.monotonic()
        self.sender, self.recipient = envelope.mail_from, recipient
        self.raw = envelope.original_content
        self.message = email.message_from_bytes(
            self.raw, policy=email.policy.default)
        for part in self.message.walk():
            if part.get_content_maintype() == "text":
                logsearch.keep_links(part.get_content())

    @property
    def subject(self):
        return self.message["Subject"]

    def part(self, kind):
        return self.message.get_body((kind,)).get_content()

    @property
    def text(self):
        return self.part("plain")

    @property
    def html(self):
        return self.part("html")

    @property
    def link(self):
        """The one line of the text that is a link and nothing else."""
        links = [line for line in self.text.splitlines()
                 if re.match(r"https?://\S+\?token=\S+$", line)]
        assert len(links) == 1, self.text
        return links[0]

    @property
    def token(self):
        return self.link.partition("?token=")[2]


class Sink:
    def __init__(self, port, **options):
        self.port = port
        self.mails, self.attempts, self.faults = [], {}, {}
        self.changed = threading.Condition()
        self.controller = SinkController(self, hostname="127.0.0.1",
                                         port=port, ready_timeout=10,
                                         **options)
        self.controller.start()

    def stop(self):
        self.controller.stop()

    # The handler's side, in the controller's thread. ------------------------

    def next_fault(self, address, stage):
        queue = self.faults.get(address.lower(), [])
        if queue and queue[0][0] == stage:
            return queue.pop(0)[1]
        return None

    async def handle_RCPT(self, server, session, envelope, address, options):
        with self.changed:
            at = self.attempts.setdefault(address.lower(), [])
            at.append(time.monotonic())
            fault = self.next_fault(address, "RCPT")
        if fault:
            return await self.fail(server, fault)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        with self.changed:
            fault = self.next_fault(envelope.rcpt_tos[0], "DATA")
        if fault:
            return await self.fail(server, fault)
        with self.changed:
            self.mails += [Mail(envelope, r) for r in envelope.rcpt_tos]
            self.changed.notify_all()
        return "250 OK"

    async def fail(self, server, fault):
        if fault == "hang":
            await asyncio.sleep(PATIENCE)
        if fault in ("hang", "drop"):
            server.transport.abort()
            return "421 gone"
        return fault

    # The tests' side. -------------------------------------------------------

    def fault(self, address, *faults):
        """What the next mails for address meet: pairs of a stage (RCPT or
        DATA) and an answer, or "drop", or "hang"."""
        with self.changed:
            self.faults[address.lower()] = list(faults)

    def to(self, address, subject=None):
        """The mails for address so far, in any letter case."""
        with self.changed:
            return [m for m in self.mails
                    if m.recipient.lower() == address.lower()
                    and subject in (None, m.subject)]

    def wait(self, address, subject=None, count=1, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        with self.changed:
            while len(found := self.to(address, subject)) < count:
                left = deadline - time.monotonic()
                assert left > 0, (f"{len(found)} of {count} mails"
                                  f" {subject!r} to {address}")
                self.changed.wait(left)
        return found
