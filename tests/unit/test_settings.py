"""The settings: all problems are listed at once, copied values are cleaned, and no secret is shown."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.settings import NAMES, SETTINGS, Setting, Settings, SettingsError, parse_settings
from tests.unit.given_settings import GOOD, LIVE, problems_of


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
