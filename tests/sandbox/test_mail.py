"""The sandbox's SMTP server and mailbox, with the SMTP client of the standard library."""

import asyncio
import smtplib
from email.message import EmailMessage
from urllib.parse import urlsplit

import httpx
import pytest

from services.sandbox import SandboxConfig
from services.sandbox.mail.server import SmtpListener
from services.sandbox.state import SandboxState
from tests.processes import free_port
from tests.sandbox_client import SandboxClient


def a_mail(text: str = 'Hello: http://127.0.0.1/order/1\n.\n..two dots\n') -> EmailMessage:
    """Return a mail of two parts."""
    mail = EmailMessage()
    mail['Subject'], mail['From'], mail['To'] = 'Grüße <b>', 'shop@coach.test', 'pat@example.com'
    mail['Message-ID'] = '<one@coach.test>'
    mail.set_content(text)
    mail.add_alternative('<p>Hello <a href="http://127.0.0.1/order/1">here</a></p>', subtype='html')
    return mail


@pytest.fixture
def connect(sandbox: SandboxClient) -> type[smtplib.SMTP]:
    """Return a class whose objects are connected to the sandbox."""
    server = urlsplit(sandbox.mail_settings['SMTP_URL'])

    class Connected(smtplib.SMTP):
        def __init__(self) -> None:
            super().__init__(server.hostname or '', server.port or 0, timeout=10)

    return Connected


def test_a_mail_arrives_and_is_shown(sandbox: SandboxClient, connect: type[smtplib.SMTP]) -> None:
    """The text arrives to the letter; its page is escaped, has a link, and its HTML can run nothing."""
    with connect() as smtp:
        smtp.send_message(a_mail())

    (mail,) = sandbox.mails('pat@example.com')
    assert (mail['subject'], mail['headers']['Message-ID']) == ('Grüße <b>', '<one@coach.test>')
    assert mail['text'] == 'Hello: http://127.0.0.1/order/1\n.\n..two dots\n'
    listed = httpx.get(f'{sandbox.base}/mailbox', trust_env=False).text
    assert 'Grüße &lt;b&gt;' in listed
    assert '<a href="http://127.0.0.1/order/1">' in listed
    number = listed.partition('/mailbox/')[2].partition('"')[0]
    assert 'Message-ID: ' in httpx.get(f'{sandbox.base}/mailbox/{number}', trust_env=False).text
    html = httpx.get(f'{sandbox.base}/mailbox/{number}/html', trust_env=False)
    assert html.text.startswith('<p>Hello <a')
    assert "default-src 'none'" in html.headers['Content-Security-Policy']
    assert 'sandbox' in html.headers['Content-Security-Policy']
    assert httpx.get(f'{sandbox.base}/mailbox/999999/html', trust_env=False).status_code == 404


def test_one_address_is_refused_for_good_or_for_now(
    sandbox: SandboxClient, connect: type[smtplib.SMTP]
) -> None:
    """A rule refuses its address only, as often as it says."""
    sandbox.fault('mail pat@example.com', 'fail', status=550)
    sandbox.fault('mail pat@example.com', 'fail', status=451)
    sandbox.fault('mail pat@example.com', 'reject', status=554)
    with connect() as smtp:
        for code in (550, 451):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                smtp.send_message(a_mail())
            assert refused.value.recipients['pat@example.com'][0] == code
        with pytest.raises(smtplib.SMTPDataError):
            smtp.send_message(a_mail())
        smtp.send_message(a_mail(), to_addrs='sam@example.com')
        smtp.send_message(a_mail())
    assert [mail['to'] for mail in sandbox.mails()] == ['sam@example.com', 'pat@example.com']


async def test_two_first_requests_open_the_port_once() -> None:
    """A shop and its check may both begin when the sandbox does."""
    port = free_port()
    listener = SmtpListener(SandboxState(SandboxConfig(smtp_port=port)))
    await asyncio.gather(listener.update(), listener.update())
    await listener.update()
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    assert (await reader.readline()).startswith(b'220 ')
    writer.close()


def test_the_connection_drops_after_the_mail(sandbox: SandboxClient, connect: type[smtplib.SMTP]) -> None:
    """`reset` keeps nothing, `lose` keeps the mail; the client sees the same."""
    for fault, kept in (('reset', 0), ('lose', 1)):
        sandbox.fault('mail *', fault)
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            connect().send_message(a_mail())
        assert len(sandbox.mails()) == kept


def test_the_port_closes_and_opens(sandbox: SandboxClient, connect: type[smtplib.SMTP]) -> None:
    """While it is down, connections are refused; a reset opens it, and empties the mailbox."""
    with connect() as smtp:
        smtp.send_message(a_mail())
    sandbox.act('smtp', down=True)
    with pytest.raises(ConnectionRefusedError):
        connect()
    sandbox.act('smtp', down=False)
    connect().close()
    sandbox.act('smtp', down=True)
    sandbox.reset()
    connect().close()
    assert sandbox.mails() == []
