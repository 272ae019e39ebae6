"""The mails that the SMTP server has accepted."""

import email
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import default

from services.sandbox.types import Json

HEADERS = ('From', 'Reply-To', 'Date', 'Message-ID', 'Auto-Submitted')


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One mail as it arrived and as it is read; `number` counts all mails since the start."""

    number: int
    at: datetime
    sender: str
    to: str
    subject: str
    headers: dict[str, str]
    text: str
    html: str

    def view(self) -> Json:
        """Return the mail as JSON."""
        return {
            'at': self.at.isoformat(), 'sender': self.sender, 'to': self.to, 'subject': self.subject,
            'headers': {name: self.headers.get(name, '') for name in HEADERS},
            'text': self.text, 'html': self.html,
        }  # fmt: skip


@dataclass(slots=True)
class Mailbox:
    """All mails, the oldest first; `down` closes the port, so that connections are refused."""

    limit: int
    down: bool = False
    mails: deque[ReceivedMail] = field(default_factory=deque)
    count: int = 0

    def add(self, at: datetime, sender: str, to: str, raw: bytes) -> None:
        """Keep a mail, and forget the oldest above the limit."""
        self.count += 1
        message = email.message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        headers = {name: str(value) for name, value in message.items()}
        text, html = (_part(message, kind) for kind in ('plain', 'html'))
        self.mails.append(
            ReceivedMail(self.count, at, sender, to, headers.get('Subject', ''), headers, text, html)
        )
        while len(self.mails) > self.limit:
            self.mails.popleft()


def _part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    return str(found.get_content()).replace('\r\n', '\n') if found is not None else ''
