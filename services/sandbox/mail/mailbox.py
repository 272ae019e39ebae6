"""The mails that the SMTP server has accepted."""

import email
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import default

from services.sandbox.types import Json


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One mail as it arrived; `number` counts all mails since the start."""

    number: int
    at: datetime
    sender: str
    to: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        parsed = email.message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message['Subject'] or '')

    def part(self, kind: str) -> str:
        """Return the text of the part `plain` or `html`, '' if there is none."""
        found = self.message.get_body((kind,))
        return str(found.get_content()).replace('\r\n', '\n') if found is not None else ''

    def view(self) -> Json:
        """Return the mail as JSON."""
        message = self.message
        names = ('From', 'Reply-To', 'Date', 'Message-ID', 'Auto-Submitted')
        return {
            'at': self.at.isoformat(), 'sender': self.sender, 'to': self.to, 'subject': self.subject,
            'headers': {name: str(message[name] or '') for name in names},
            'text': self.part('plain'), 'html': self.part('html'),
        }  # fmt: skip


@dataclass(slots=True)
class Mailbox:
    """All mails, the oldest first; `down` closes the port, so that connections are refused."""

    limit: int
    down: bool = False
    mails: deque[ReceivedMail] = field(default_factory=deque)
    count: int = 0
    connections: int = 0

    def add(self, at: datetime, sender: str, to: str, raw: bytes) -> None:
        """Keep a mail, and forget the oldest above the limit."""
        self.count += 1
        self.mails.append(ReceivedMail(self.count, at, sender, to, raw))
        while len(self.mails) > self.limit:
            self.mails.popleft()
