"""The SMTP client against real servers: what became of a mail, and that it travels encrypted."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from services.mail import Letterhead, MailClient, Message, Outcome, Result, build
from services.settings import SmtpServer, parse_settings
from tests.factories import NOON
from tests.processes import free_port
from tests.sandbox_client import SandboxClient

LETTERHEAD = Letterhead(
    name='Coach',
    sender='shop@coach.test',
    reply_to='hello@coach.test',
    contact=(),
    accent='#0b5d3b',
    accent_dark='#7fc8a0',
    host='coach.test',
)
MESSAGE = Message('ABCD.paid', 'pat@example.com', 'Grüße', ('.one\n.\n..two',))
MAIL = build(MESSAGE, LETTERHEAD, now=NOON)


def a_client(server: SmtpServer, *, timeout: float = 5) -> MailClient:
    """Return a client of a server."""
    return MailClient(server, sender=LETTERHEAD.sender, host=LETTERHEAD.host, timeout=timeout)


@pytest.fixture
def server(settings_env: dict[str, str], sandbox: SandboxClient) -> SmtpServer:
    """Return the sandbox's SMTP server."""
    server = parse_settings(settings_env | sandbox.mail_settings).smtp_url
    assert server is not None
    return server


async def send(server: SmtpServer, **options: float) -> Result:
    """Send the mail to Pat."""
    return await a_client(server, **options).send(MAIL, to='pat@example.com')


async def test_a_mail_is_accepted_and_arrives_to_the_letter(
    server: SmtpServer, sandbox: SandboxClient
) -> None:
    """Lines of dots do not end it, and the words have their letters."""
    assert (await send(server)).outcome is Outcome.ACCEPTED
    (mail,) = sandbox.mails()
    assert (mail['to'], mail['sender'], mail['subject']) == ('pat@example.com', 'shop@coach.test', 'Grüße')
    assert mail['text'].startswith('.one\n.\n..two\n')
    assert mail['headers']['Message-ID'] == '<ABCD.paid@coach.test>'


@pytest.mark.parametrize(
    ('fault', 'outcome', 'kept'),
    [
        ({'do': 'fail', 'status': 550}, Outcome.REFUSED, 0),
        ({'do': 'fail', 'status': 451}, Outcome.LATER, 0),
        ({'do': 'fail', 'status': 530}, Outcome.UNAVAILABLE, 0),
        ({'do': 'reject', 'status': 554}, Outcome.REFUSED, 0),
        ({'do': 'reject', 'status': 452}, Outcome.LATER, 0),
        ({'do': 'reset'}, Outcome.UNKNOWN, 0),
        ({'do': 'lose'}, Outcome.UNKNOWN, 1),
        ({'do': 'delay', 'seconds': 2}, Outcome.UNKNOWN, 0),
    ],
)
async def test_each_failure_has_its_outcome(
    server: SmtpServer, sandbox: SandboxClient, fault: dict[str, Any], outcome: Outcome, kept: int
) -> None:
    """Only a clear answer says that the mail was not sent; a lost answer says nothing."""
    sandbox.fault('mail pat@*', **fault)
    result = await send(server, timeout=1)
    assert (result.outcome, len(sandbox.mails())) == (outcome, kept)
    assert result.answer


async def test_a_server_that_is_down_or_silent_is_unavailable(
    server: SmtpServer, sandbox: SandboxClient
) -> None:
    """Nothing was sent when nobody listens, when nobody greets, and when the connection ends before DATA."""
    sandbox.act('smtp', down=True)
    assert (await send(server)).outcome is Outcome.UNAVAILABLE

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def leaving_at_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'220 hello\r\n')
        while (line := await reader.readline()) and not line.startswith(b'DATA'):
            writer.write(b'250 fine\r\n')
        writer.close()

    for answer in (silent, leaving_at_data):
        port = free_port()
        async with await asyncio.start_server(answer, '127.0.0.1', port):
            result = await send(SmtpServer('127.0.0.1', port), timeout=0.5)
            assert result.outcome is Outcome.UNAVAILABLE, result


class Keeper:
    """Keeps what arrives, and whether it was encrypted."""

    def __init__(self) -> None:
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        transport: Any = server.transport
        self.encrypted.append(transport.get_extra_info('sslcontext') is not None)
        return '250 kept'


@pytest.fixture(scope='module')
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for localhost; key and certificate are in one file."""
    folder = tmp_path_factory.mktemp('certificate')
    key, file = folder / 'key.pem', folder / 'both.pem'
    subprocess.run(
        [shutil.which('openssl') or 'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
         '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
         '-keyout', str(key), '-out', str(file)],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + key.read_text())
    return file


@asynccontextmanager
async def encrypted(certificate: Path, keeper: Keeper, *, at_once: bool) -> AsyncIterator[SmtpServer]:
    """Run a server that encrypts, and wants a login."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    port = free_port()

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        right = data == LoginPassword(b'shop', b'word')
        return AuthResult(success=right, handled=False)

    def protocol() -> SMTP:
        return SMTP(
            keeper,
            hostname='localhost',
            tls_context=None if at_once else context,
            require_starttls=not at_once,
            auth_required=True,
            auth_require_tls=not at_once,
            authenticator=authenticate,
        )

    loop = asyncio.get_running_loop()
    running = await loop.create_server(protocol, 'localhost', port, ssl=context if at_once else None)
    async with running:
        yield SmtpServer('localhost', port, 'shop', 'word', tls=at_once, starttls=not at_once)


@pytest.mark.filterwarnings('ignore:Requiring AUTH')
@pytest.mark.parametrize('at_once', [True, False], ids=['smtps', 'starttls'])
async def test_mail_travels_encrypted_to_the_server_it_is_meant_for(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    """A certificate that nobody vouches for, and a wrong password, get no mail."""
    keeper = Keeper()
    async with encrypted(certificate, keeper, at_once=at_once) as server:
        refused = await send(server)
        assert refused.outcome is Outcome.UNAVAILABLE
        assert 'certificate' in refused.answer.lower()
        monkeypatch.setenv('SSL_CERT_FILE', str(certificate))
        wrong = await send(replace(server, password='other'))
        assert wrong.outcome is Outcome.UNAVAILABLE
        assert '535' in wrong.answer, wrong
        assert 'other' not in wrong.answer
        assert (await send(server)).outcome is Outcome.ACCEPTED
    assert keeper.encrypted == [True]


async def test_without_starttls_a_server_elsewhere_gets_nothing(
    server: SmtpServer, sandbox: SandboxClient
) -> None:
    """A server that does not offer STARTTLS, where it is required, gets neither a login nor a mail."""
    result = await send(replace(server, starttls=True))
    assert result.outcome is Outcome.UNAVAILABLE
    assert sandbox.mails() == []
