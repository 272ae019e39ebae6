"""The SMTP client: sends one e-mail, and says what became of it."""

import asyncio
import enum
import logging
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

from aiosmtplib import SMTP, SMTPException, SMTPRecipientRefused, SMTPResponseException

from services.settings import SmtpServer

log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds for each answer of the server
DEADLINE = 120.0  # seconds for the whole mail
GO_AHEAD, DONE = 354, 250
NOT_ALLOWED = (530, 535, 538)
"""The server wants another login: that says nothing about the recipient (RFC 4954)."""


class Outcome(enum.Enum):
    """What became of an e-mail."""

    ACCEPTED = 'the server has it'
    REFUSED = 'the server will never take this mail'
    LATER = 'the server will not take this mail now'
    UNAVAILABLE = 'the server cannot be reached, or takes no mail from us'
    UNKNOWN = 'the connection was lost before the answer: it may have been sent'


@dataclass(frozen=True)
class Result:
    """An outcome, with the server's answer or the error in words for the operator."""

    outcome: Outcome
    answer: str = ''


class MailClient:
    """Sends e-mails by one server; each has a connection of its own."""

    def __init__(self, server: SmtpServer, *, sender: str, host: str, timeout: float = TIMEOUT) -> None:
        """Make it; nothing is connected yet.

        Args:
            server: where the mail goes first.
            sender: the address that bounces come back to.
            host: this machine's name, as it introduces itself.
            timeout: seconds for each answer.
        """
        self._server = server
        self._sender = sender
        self._host = host
        self._timeout = timeout

    def _client(self) -> SMTP:
        server = self._server
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.tls,
            start_tls=server.starttls,
            local_hostname=self._host,
            timeout=self._timeout,
        )

    async def try_server(self) -> Result:
        """Connect, encrypt and sign in as for a mail, and offer the sender; no mail is sent."""
        client = self._client()
        try:
            async with asyncio.timeout(DEADLINE):
                await client.connect()
                await client.mail(self._sender)
                answer = await client.rset()
        except SMTPResponseException as error:
            return Result(Outcome.UNAVAILABLE, _words(f'{error.code} {error.message}'))
        except (SMTPException, OSError, ssl.SSLError, TimeoutError) as error:
            client.close()
            return Result(Outcome.UNAVAILABLE, _words(f'{type(error).__name__}: {error}'))
        finally:
            await _part(client)
        return Result(Outcome.ACCEPTED, _words(answer.message))

    async def send(self, mail: EmailMessage, *, to: str) -> Result:
        """Send an e-mail to one recipient."""
        client = self._client()
        content = _content(mail)
        is_over = False  # whether the whole mail was handed to the connection
        try:
            async with asyncio.timeout(DEADLINE):
                await client.connect()
                await client.mail(self._sender)
                await client.rcpt(to)
                answer = await client.execute_command(b'DATA')
                if answer.code != GO_AHEAD:
                    raise SMTPResponseException(answer.code, answer.message)
                assert client.protocol is not None
                client.protocol.write(content)
                is_over = True
                answer = await client.protocol.read_response(timeout=self._timeout)
        except SMTPRecipientRefused as error:
            return _refusal(error.code, error.message)
        except SMTPResponseException as error:  # at the greeting, the login, MAIL or DATA
            return Result(Outcome.UNAVAILABLE, _words(f'{error.code} {error.message}'))
        except (SMTPException, OSError, ssl.SSLError, TimeoutError) as error:
            client.close()  # an answer may be outstanding: nothing more can be asked
            outcome = Outcome.UNKNOWN if is_over else Outcome.UNAVAILABLE
            return Result(outcome, _words(f'{type(error).__name__}: {error}'))
        finally:
            await _part(client)
        if answer.code == DONE:
            return Result(Outcome.ACCEPTED, _words(answer.message))
        return _refusal(answer.code, answer.message)


def _content(mail: EmailMessage) -> bytes:
    """Return an e-mail as it follows DATA: a leading dot is doubled, one dot ends it (RFC 5321, 4.5.2)."""
    raw = mail.as_bytes(policy=SMTP_POLICY)
    return re.sub(rb'(?m)^\.', b'..', raw) + b'.\r\n'


def _refusal(code: int, message: str) -> Result:
    answer = _words(f'{code} {message}')
    if code in NOT_ALLOWED:
        return Result(Outcome.UNAVAILABLE, answer)
    return Result(Outcome.REFUSED if 500 <= code < 600 else Outcome.LATER, answer)


def _words(text: str) -> str:
    return ' '.join(text.encode('ascii', 'replace').decode().split())[:300]


async def _part(client: SMTP) -> None:
    """Take leave of the server; what became of the mail is known already."""
    if client.is_connected:
        with suppress(SMTPException, OSError, TimeoutError):
            await client.quit(timeout=2)
    client.close()
