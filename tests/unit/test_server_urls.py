"""The URLs of the database and of the mail server, and the settings of mail."""

import pytest

from services.settings import HOME, SettingsError, SmtpServer, parse_settings
from tests.unit.given_settings import GOOD, problems_of


@pytest.mark.parametrize(
    ('url', 'normalized'),
    [
        ('', f'sqlite:///{HOME}/data/paidslot.db'),
        ('sqlite:///shop.db', f'sqlite:///{HOME}/shop.db'),
        ('sqlite:///:memory:', 'sqlite:///:memory:'),
        ('sqlite:////var/shop.db', 'sqlite:////var/shop.db'),
        ('postgres://u:p@host:5432/shop', 'postgresql://u:p@host:5432/shop'),
        ('postgresql://host', 'postgresql://host'),
        (
            'postgresql://u:p%40%2F@[::1]/shop?sslmode=require',
            'postgresql://u:p%40%2F@[::1]/shop?sslmode=require',
        ),
        ('postgresql://u:p#?:$@a:1,b:2/shop', 'postgresql://u:p#?:$@a:1,b:2/shop'),
        ('postgresql:///shop?host=/run/postgresql', 'postgresql:///shop?host=/run/postgresql'),
    ],
)
def test_database_urls_are_normalized(url: str, normalized: str) -> None:
    """Database URLs are accepted as hosting companies write them, and kept in one form."""
    assert parse_settings(GOOD | {'DATABASE_URL': url}).database_url == normalized


@pytest.mark.parametrize(
    ('url', 'reason'),
    [
        ('postgresql+asyncpg://u:hunter2@host/shop', 'must not name a driver'),
        ('postgres+psycopg2://u:hunter2@host/shop', 'must not name a driver'),
        ('postgresql://u:hunter2@x@host/shop', '%40 for @'),
        ('postgresql://u:hunter2/x@host/shop', '%2F for /'),
        ('postgresql://u:hunter2%x@host/shop', '%25 for %'),
        ('postgresql://u:hunter2%00@host/shop', '%25 for %'),
        ('postgresql://u:hunter2 x@host/shop', 'must look like'),
        ('mysql://u:hunter2@host/shop', 'must begin with'),
    ],
)
def test_a_database_url_that_cannot_be_read_is_refused_without_its_password(url: str, reason: str) -> None:
    """The problem says what to change and contains no part of the password."""
    (problem,) = problems_of(GOOD | {'DATABASE_URL': url})
    assert reason in problem
    assert 'hunter2' not in problem


@pytest.mark.parametrize(
    ('url', 'server'),
    [
        (
            'smtp://shop:p%40ss@smtp.example',
            SmtpServer('smtp.example', 587, 'shop', 'p@ss', tls=False, starttls=True),
        ),
        ('smtps://shop:a-word@smtp.example', SmtpServer('smtp.example', 465, 'shop', 'a-word', tls=True)),
        ('SMTP://smtp.example:2525?starttls=0', SmtpServer('smtp.example', 2525)),
        ('smtp://user:a-secret@127.0.0.1:1025', SmtpServer('127.0.0.1', 1025, 'user', 'a-secret')),
        ('smtp://[::1]', SmtpServer('::1', 587)),
        ('smtp://localhost?starttls=1', SmtpServer('localhost', 587, starttls=True)),
    ],
)
def test_an_smtp_url_says_how_the_connection_is_encrypted(url: str, server: SmtpServer) -> None:
    """STARTTLS is required unless the server is this machine or the URL says otherwise."""
    settings = parse_settings(GOOD | {'SMTP_URL': url, 'MAIL_FROM': 'shop@coach.example'})
    assert settings.smtp_url == server
    assert server.password not in repr(settings) or not server.password


@pytest.mark.parametrize(
    ('values', 'problem'),
    [
        ({'SMTP_URL': 'smtp.example:587'}, 'must look like smtp://'),
        ({'SMTP_URL': 'http://smtp.example'}, 'must look like smtp://'),
        ({'SMTP_URL': 'smtp://smtp.example/path'}, 'must look like smtp://'),
        ({'SMTP_URL': 'smtp://smtp.example:port'}, 'must look like smtp://'),
        ({'SMTP_URL': 'smtps://smtp.example?starttls=1'}, 'must look like smtp://'),
        ({'SMTP_URL': 'smtp://smtp.example?tls=1'}, 'must look like smtp://'),
        ({'SMTP_URL': 'smtp://user@smtp.example'}, 'a user without a password'),
        ({'SMTP_URL': 'smtp://u:p@smtp.example?starttls=0'}, 'unencrypted'),
        ({'SMTP_URL': 'smtp://localhost', 'MAIL_FROM': ''}, 'with SMTP_URL it is needed'),
        ({'MAIL_FROM': 'Coach <coach@example.com>'}, 'is not an e-mail address'),
        ({'OPERATOR_EMAIL': 'a@b.example, c@d.example'}, 'is not an e-mail address'),
    ],
)
def test_mail_settings_that_cannot_work_are_refused(values: dict[str, str], problem: str) -> None:
    """Each has a sentence that says what is wrong, and never the password."""
    with pytest.raises(SettingsError) as refused:
        parse_settings(GOOD | {'MAIL_FROM': 'shop@coach.example'} | values)
    assert problem in str(refused.value)
    assert ':p@' not in str(refused.value)
