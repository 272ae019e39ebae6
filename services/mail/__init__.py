"""Mail: what a message holds, how it becomes an e-mail, and the only code that talks to an SMTP server."""

from services.mail.client import TIMEOUT, MailClient, Outcome, Result
from services.mail.message import Button, Letterhead, Message, Note, build

__all__ = ['TIMEOUT', 'Button', 'Letterhead', 'MailClient', 'Message', 'Note', 'Outcome', 'Result', 'build']
