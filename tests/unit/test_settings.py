"""The settings: all problems are listed at once, copied values are cleaned, and no secret is shown."""

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.settings import (
    HOME,
    NAMES,
    SETTINGS,
    Setting,
    Settings,
    SettingsError,
    SmtpServer,
    env_file,
    how_to_run,
    load,
    parse_settings,
    warnings,
)

GOOD = {
    'STRIPE_SECRET_KEY': 'sk_test_abc',
    'STRIPE_PRICE_ID': 'price_1',
    'CALENDLY_LINK': 'https://calendly.com/coach/session',
}
LIVE = GOOD | {
    'STRIPE_SECRET_KEY': 'sk_live_abc',
    'STRIPE_WEBHOOK_SECRET': 'whsec_1',
    'DOMAIN': 'https://coach.example',
}


def problems_of(values: dict[str, str]) -> list[str]:
    """Return the problems of a set of values."""
    try:
        parse_settings(values)
    except SettingsError as error:
        return error.problems
    return []


def test_three_values_are_enough_to_try_the_shop() -> None:
    """With test keys everything else has a default."""
    settings = parse_settings(GOOD)
    assert (settings.domain, settings.port, settings.mode) == ('http://localhost:3000', 3000, 'test')


def test_everything_that_is_missing_is_listed_at_once() -> None:
    """An operator sees the whole list, each with where to find the value."""
    problems = problems_of({})
    assert [problem.split()[0] for problem in problems] == [
        'STRIPE_SECRET_KEY',
        'STRIPE_PRICE_ID',
        'CALENDLY_LINK',
    ]
    assert all('Where to find it' in problem for problem in problems)


def test_the_settings_follow_the_table() -> None:
    """`Settings` has a field for each row of the table and the mode, and nothing else."""
    assert {field.name for field in fields(Settings)} == {name.lower() for name in NAMES} | {'mode'}


@pytest.mark.parametrize('row', [row for row in SETTINGS if row.default], ids=lambda row: row.name)
def test_a_default_is_what_the_same_text_gives(row: Setting) -> None:
    """A default is parsed like a text of the operator's."""
    assert parse_settings(GOOD | {row.name: row.default}) == parse_settings(GOOD)


@pytest.mark.parametrize(
    ('changes', 'name'),
    [
        ({'STRIPE_SECRET_KEY': 'pk_test_abc'}, 'STRIPE_SECRET_KEY'),
        ({'STRIPE_PUBLISHABLE_KEY': 'sk_test_abc'}, 'STRIPE_PUBLISHABLE_KEY'),
        ({'STRIPE_PUBLISHABLE_KEY': 'pk_live_abc'}, 'STRIPE_PUBLISHABLE_KEY'),
        ({'STRIPE_PRICE_ID': 'prod_1'}, 'STRIPE_PRICE_ID'),
        ({'STRIPE_WEBHOOK_SECRET': 'sk_test_1'}, 'STRIPE_WEBHOOK_SECRET'),
        ({'CALENDLY_LINK': 'https://evil.example/coach/session'}, 'CALENDLY_LINK'),
        ({'CALENDLY_LINK': 'https://calendly.com.evil.example/coach'}, 'CALENDLY_LINK'),
        ({'CALENDLY_LINK': 'http://calendly.com/coach/session'}, 'CALENDLY_LINK'),
        ({'CALENDLY_LINK': 'javascript:alert(1)//calendly.com/a'}, 'CALENDLY_LINK'),
        ({'CALENDLY_LINK': 'https://calendly.com/'}, 'CALENDLY_LINK'),
        ({'DOMAIN': 'coach.example'}, 'DOMAIN'),
        ({'DOMAIN': 'https://coach.example/shop'}, 'DOMAIN'),
        ({'DOMAIN': 'https://coach.example:99999'}, 'DOMAIN'),
        ({'PORT': 'eighty'}, 'PORT'),
        ({'PORT': '70000'}, 'PORT'),
        ({'STRIPE_API_BASE': 'localhost:4242'}, 'STRIPE_API_BASE'),
        ({'LOG_FORMAT': 'xml'}, 'LOG_FORMAT'),
        ({'ALLOW_TEST_SALES': 'maybe'}, 'ALLOW_TEST_SALES'),
        ({'PORT': '9' * 5000}, 'PORT'),
        ({'DATABASE_URL': 'mysql://root@localhost/x'}, 'DATABASE_URL'),
        ({'DATABASE_URL': 'sqlite://shop.db'}, 'DATABASE_URL'),
        ({'DATABASE_URL': 'postgresql:/shop'}, 'DATABASE_URL'),
        ({'STRIPE_SECRET_KEY': 'sk_test_ä'}, 'STRIPE_SECRET_KEY'),
        ({'STRIPE_PRICE_ID': 'price_é'}, 'STRIPE_PRICE_ID'),
        ({'STRIPE_WEBHOOK_SECRET': 'whsec_ä'}, 'STRIPE_WEBHOOK_SECRET'),
        ({'CALENDLY_TOKEN': 'tökén'}, 'CALENDLY_TOKEN'),
        *(
            ({name: f'long enough{character}but unusable'}, name)
            for name in ('ADMIN_PASSWORD', 'CALENDLY_WEBHOOK_SIGNING_KEY', 'SITE_FILE', 'HOST')
            for character in '\n\r\0\t\x7f\x85\udc80'
        ),
    ],
)
def test_each_wrong_value_is_named(changes: dict[str, str], name: str) -> None:
    """One wrong value gives one problem, which opens with its name."""
    problems = problems_of(GOOD | changes)
    assert len(problems) == 1
    assert problems[0].startswith(name)


@pytest.mark.parametrize(
    ('changes', 'name'),
    [
        ({'DOMAIN': 'http://coach.example'}, 'DOMAIN'),
        ({'DOMAIN': ''}, 'DOMAIN'),
        ({'STRIPE_WEBHOOK_SECRET': ''}, 'STRIPE_WEBHOOK_SECRET'),
        ({'STRIPE_API_BASE': 'http://localhost:4242'}, 'STRIPE_API_BASE'),
        ({'CALENDLY_API_BASE': 'http://localhost:4242'}, 'CALENDLY_API_BASE'),
        ({'STRIPE_PUBLISHABLE_KEY': 'pk_test_abc'}, 'STRIPE_PUBLISHABLE_KEY'),
    ],
)
def test_unsafe_settings_are_refused_with_live_keys(changes: dict[str, str], name: str) -> None:
    """Live keys need https, signed webhooks and the real services."""
    assert problems_of(LIVE) == []
    assert [problem.split()[0] for problem in problems_of(LIVE | changes)] == [name]


@pytest.mark.parametrize(
    ('link', 'token', 'why'),
    [
        ('https://calendly.com/coach', '', 'is a profile page'),
        ('https://calendly.com/coach/', '', 'is a profile page'),
        ('https://calendly.com/app/scheduling/meeting_types/user/me', '', 'of your own Calendly account'),
        ('https://calendly.com/event_types/123/edit', '', 'of your own Calendly account'),
        ('https://calendly.com/s/abcd-efgh', 'token', 'is a single-use link'),
        ('https://calendly.com/d/abcd-efg-hij/session', '', 'may be a single-use link'),
        ('https://calendly.com/d/abcd-efg-hij', 'token', 'may be a single-use link'),
        ('https://calendly.com/coach/session/2026-12-03T10:00:00Z', '', 'the page of one time'),
    ],
)
def test_a_link_that_not_every_customer_can_book_at_is_refused(link: str, token: str, why: str) -> None:
    """Each kind of wrong page has words of its own."""
    (problem,) = problems_of(GOOD | {'CALENDLY_LINK': link, 'CALENDLY_TOKEN': token})
    assert problem.startswith('CALENDLY_LINK ')
    assert why in problem


@pytest.mark.parametrize(
    ('link', 'taken'),
    [
        ('https://calendly.com/coach/session#top', 'https://calendly.com/coach/session'),
        ('https://calendly.com/coach/session?month=2025-01', 'https://calendly.com/coach/session'),
        ('https://calendly.com/coach/s?a1=x%20y&month=1&date=2#f', 'https://calendly.com/coach/s?a1=x%20y'),
        ('https://Calendly.COM:443/Coach/Session/', 'https://calendly.com/Coach/Session'),
        ('https://calendly.com/d/abcd-efg-hij/session', 'https://calendly.com/d/abcd-efg-hij/session'),
    ],
)
def test_a_link_is_cleaned(link: str, taken: str) -> None:
    """A fragment would swallow the booking key, and a month would open the calendar in the past."""
    settings = parse_settings(GOOD | {'CALENDLY_LINK': link, 'CALENDLY_TOKEN': 'token'})
    assert settings.calendly_link == taken


@pytest.mark.parametrize(
    ('domain', 'taken', 'port'),
    [
        ('HTTPS://Coach.Example', 'https://coach.example', 3000),
        ('https://coach.example:443/', 'https://coach.example', 3000),
        ('http://coach.example:80', 'http://coach.example', 3000),
        ('https://coach.example.', 'https://coach.example', 3000),
        ('https://Bücher.example', 'https://xn--bcher-kva.example', 3000),
        ('https://coach.example:8443', 'https://coach.example:8443', 8443),
        ('http://[::1]:4000', 'http://[::1]:4000', 4000),
    ],
)
def test_a_domain_has_one_spelling(domain: str, taken: str, port: int) -> None:
    """However it is written; the port of a scheme is the proxy's, and not the one to listen on."""
    settings = parse_settings(GOOD | {'DOMAIN': domain})
    assert (settings.domain, settings.port) == (taken, port)


def test_an_address_to_listen_on_may_have_the_brackets_of_a_url() -> None:
    """The program listens on the address itself."""
    assert parse_settings(GOOD | {'HOST': '[::]'}).host == '::'
    assert parse_settings(GOOD | {'HOST': '127.0.0.1'}).host == '127.0.0.1'


def test_with_a_live_key_the_domain_is_not_this_machine() -> None:
    """Stripe would send customers back to their own machines."""
    for domain in ('https://localhost', 'https://127.0.0.1:3000'):
        (problem,) = problems_of(LIVE | {'DOMAIN': domain})
        assert 'this machine alone' in problem


@pytest.mark.parametrize('mangle', ['"{}"', "'{}'", '  {}\t', '\ufeff{}', '{}\r'])
def test_characters_that_copying_adds_are_removed(mangle: str) -> None:
    """Quotes, spaces, a byte order mark and Windows line ends around a value do not matter."""
    assert parse_settings({name: mangle.format(value) for name, value in GOOD.items()}) == parse_settings(
        GOOD
    )


def test_the_sandbox_may_be_on_any_host() -> None:
    """Where another base URL is set, its host is accepted for the payment page and for the calendar."""
    base = {'STRIPE_API_BASE': 'http://127.0.0.1:9000/s/', 'CALENDLY_API_BASE': 'http://127.0.0.1:9000/c'}
    settings = parse_settings(GOOD | base | {'CALENDLY_LINK': 'http://127.0.0.1:9000/c/coach/session'})
    assert settings.stripe_api_base == 'http://127.0.0.1:9000/s'
    assert settings.payment_hosts == {'checkout.stripe.com', '127.0.0.1', 'localhost', '::1'}
    assert 'http://127.0.0.1:9000' in settings.frame_sources


def test_the_sandbox_may_use_any_name_of_this_machine() -> None:
    """The names localhost and 127.0.0.1 mean one machine; another host is another one."""
    base = {'CALENDLY_API_BASE': 'http://localhost:9000', 'STRIPE_API_BASE': 'http://stripe:9000'}
    settings = parse_settings(GOOD | base | {'CALENDLY_LINK': 'http://127.0.0.1:9000/coach/session'})
    assert settings.payment_hosts == {'checkout.stripe.com', 'stripe'}
    assert problems_of(GOOD | base | {'CALENDLY_LINK': 'http://evil.example/coach/session'})


@pytest.mark.parametrize(
    ('domain', 'selling'),
    [
        ('http://localhost:3000', True),
        ('http://127.0.0.1:3000', True),
        ('http://192.168.1.5', True),
        ('https://coach.example', False),
        ('https://8.8.8.8', False),
    ],
)
def test_test_keys_sell_nothing_on_a_public_domain(domain: str, selling: bool) -> None:
    """Test money on a public domain opens no calendar, unless the operator allows it."""
    assert parse_settings(GOOD | {'DOMAIN': domain}).selling is selling
    assert parse_settings(GOOD | {'DOMAIN': domain, 'ALLOW_TEST_SALES': '1'}).selling


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A value in the environment replaces the one in .env; a Windows file with a byte order mark is read."""
    file = tmp_path / '.env'
    lines = [f'{name}="{value}"' for name, value in GOOD.items()] + ['DOMAIN=http://localhost:4000']
    file.write_bytes(b'\xef\xbb\xbf' + '\r\n'.join(lines).encode())
    assert load({}, file).domain == 'http://localhost:4000'
    assert load({'DOMAIN': 'http://localhost:5000'}, file).domain == 'http://localhost:5000'


def test_a_file_that_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    """The problem says that the file cannot be read."""
    file = tmp_path / '.env'
    file.write_bytes(b'STRIPE_SECRET_KEY=\xff\xfe')
    with pytest.raises(SettingsError, match=r'line 1, cannot be read as UTF-8'):
        load({}, file)


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'utf-16-be'])
def test_a_file_in_utf_16_is_told_so(tmp_path: Path, encoding: str) -> None:
    """Notepad's "Unicode" and PowerShell's ``>`` write it, with a mark at the beginning or without."""
    file = tmp_path / '.env'
    file.write_bytes('STRIPE_SECRET_KEY=sk_test_abc'.encode(encoding))
    with pytest.raises(SettingsError, match='is UTF-16 text: save it as UTF-8'):
        load({}, file)


def test_relative_paths_begin_beside_main_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the shop is started from: the same file, the same orders, the same texts."""
    monkeypatch.chdir(tmp_path)
    settings = parse_settings(GOOD | {'SITE_FILE': 'site.toml'})
    assert settings.database_url == f'sqlite:///{HOME}/data/paidslot.db'
    assert settings.site_file == HOME / 'site.toml'
    assert env_file({}) == HOME / '.env'
    assert (HOME / 'main.py').exists()
    with pytest.raises(SettingsError, match='ENV_FILE: there is no file'):
        env_file({'ENV_FILE': str(tmp_path / 'none')})


def test_names_that_are_nearly_ours_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the nearest right one; right names and those of other programs are not."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / 'settings'
    lines = [
        'TRUSTED_PROXY=1',
        'STRIPE_SECRET=sk_test_hush',
        'STRIPE_XYZZY=1',
        'DOMAIN=http://localhost',
        'PYTHONPATH=x',
        'log_level=debug',
    ]
    file.write_text('\n'.join(lines))
    assert warnings({'DATABASE_URI': 'x', 'PATH': 'y', 'POSTGRES_PASSWORD': 'z'}, file) == [
        'DATABASE_URI is no setting; did you mean DATABASE_URL?',
        'STRIPE_SECRET is no setting; did you mean STRIPE_SECRET_KEY?',
        'STRIPE_XYZZY is no setting; did you mean STRIPE_JS?',
        'TRUSTED_PROXY is no setting; did you mean TRUSTED_PROXIES?',
        'log_level is no setting; did you mean LOG_LEVEL?',
    ]


@pytest.mark.parametrize(
    ('link', 'named'),
    [
        ('https://calendly.com/coach/session?month=2025-01&a1=x#top', '#…, month'),
        ('"https://calendly.com/coach/session?date=2025-01-03&month=2025-01"', 'date, month'),
        ('https://calendly.com/coach/session?a1=month', ''),
        ('nonsense', ''),
    ],
)
def test_what_is_left_out_of_the_calendly_link_is_named(tmp_path: Path, link: str, named: str) -> None:
    """The link works, but it is not the one that was copied; the environment wins over the file."""
    file = tmp_path / '.env'
    file.write_text('CALENDLY_LINK=https://calendly.com/coach/session#in-the-file')
    found = [line for line in warnings({'CALENDLY_LINK': link}, file) if line.startswith('CALENDLY_LINK')]
    expected = f'CALENDLY_LINK is used without {named}: the link of an event type does not have it'
    assert found == ([expected] if named else [])
    assert len([line for line in warnings({}, file) if 'without #…:' in line]) == 1


def test_a_dollar_that_compose_would_replace_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its value; single quotes are right, and a comment does not matter."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / 'settings'
    lines = ["CALENDLY_TOKEN='a$b'", 'PORT=1 # $', 'CALENDLY_WEBHOOK_SIGNING_KEY="hush$er"', '#HOST=$x']
    file.write_text('\n'.join(lines))
    (warning,) = warnings({}, file)
    assert 'CALENDLY_WEBHOOK_SIGNING_KEY holds a $' in warning
    assert 'hush' not in warning


def test_messages_name_what_works_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a clone that is make and .venv; in the image, which has no Makefile, it is Docker."""
    assert how_to_run('demo') == 'make demo'
    assert how_to_run('restore FILE') == '.venv/bin/python main.py restore FILE'
    monkeypatch.setattr('services.settings.place.HOME', tmp_path)
    assert how_to_run('demo').startswith('docker run ')
    assert how_to_run('restore FILE') == 'docker compose run --rm shop restore FILE'


def test_a_file_that_is_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator who starts the shop elsewhere learns which file counts."""
    monkeypatch.chdir(tmp_path)
    here = tmp_path / '.env'
    here.write_text('')
    (warning,) = warnings({}, HOME / '.env-of-a-test')
    assert warning.startswith(f'{here} is not read')
    assert warnings({}, here) == []


def test_secrets_are_never_shown() -> None:
    """Neither the settings' repr nor a problem holds the value of a secret."""
    secret = 'rk_test_verysecret'
    names = ('STRIPE_WEBHOOK_SECRET', 'CALENDLY_TOKEN', 'CALENDLY_WEBHOOK_SIGNING_KEY')
    values = GOOD | {'STRIPE_SECRET_KEY': secret} | dict.fromkeys(names, f'whsec_{secret}')
    assert 'verysecret' not in repr(parse_settings(values))
    assert 'verysecret' not in str(problems_of(values | {'STRIPE_PRICE_ID': secret, 'PORT': secret}))


@given(values=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40)))
def test_no_value_breaks_the_parsers(values: dict[str, str]) -> None:
    """Any text in any setting gives settings or a list of problems, never another exception."""
    problems = problems_of(GOOD | values)
    assert problems or isinstance(parse_settings(GOOD | values), Settings)


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


def test_a_short_admin_password_is_refused() -> None:
    """Eleven characters are too few, and the sentence does not repeat them; twelve are kept, out of repr."""
    short, long = 'elevenchars', 'twelve chars'
    with pytest.raises(SettingsError) as refused:
        parse_settings(GOOD | {'ADMIN_PASSWORD': short})
    assert 'ADMIN_PASSWORD is too short: it must have at least 12 characters' in str(refused.value)
    assert short not in str(refused.value)
    settings = parse_settings(GOOD | {'ADMIN_PASSWORD': long})
    assert settings.admin_password == long
    assert long not in repr(settings)
