"""The settings: all problems are listed at once, copied values are cleaned, and no secret is shown."""

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.settings import NAMES, SETTINGS, Setting, Settings, SettingsError, load, parse_settings

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
    with pytest.raises(SettingsError, match='cannot be read'):
        load({}, file)


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
        ('', 'sqlite:///data/paidslot.db'),
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
