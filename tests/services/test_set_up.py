"""The set-up: every step is checked, can be repeated and broken off; nothing is made twice."""

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.commands import set_up as command
from services.commands.refused import CommandRefused
from services.ledger import read_kept_settings
from services.payments import RELEVANT
from services.scheduling.scopes import NOTHING
from services.scheduling.subscriptions import Subscriptions
from services.set_up import Elsewhere, Refused, SetUp, Step, Written, hold, no_settings, opened, webhooks
from services.set_up import set_up as set_up_module
from services.settings import SettingsError, load
from services.shop import build
from tests.conftest import CreateTables
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.services.conftest import NewDatabase
from tests.services.set_up import DOMAIN, PASSWORD, TAKE, Operator, answers

HOOK = f'{DOMAIN}/webhooks/stripe'


@pytest.fixture
def environ(sandbox: SandboxClient, database_url: str, create_tables: CreateTables) -> dict[str, str]:
    """Return an environment without keys, which names the sandbox and a database."""
    create_tables(database_url)
    names = ('STRIPE_API_BASE', 'CALENDLY_API_BASE')
    return {name: sandbox.settings[name] for name in names} | {
        'DATABASE_URL': database_url,
        'SITE_FILE': str(ROOT / 'site.toml'),
    }


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """Return a file with a comment and one setting."""
    file = tmp_path / '.env'
    file.write_text('# mine\nLOG_LEVEL=warning\n')
    return file


def set_up(environ: Mapping[str, str], env_file: Path, operator: Operator, *, undo: bool = False) -> str:
    """Run the command; return what it said."""
    command.run(environ, env_file, undo=undo, yes=False, prompts=operator)
    return operator.text


def endpoints(sandbox: SandboxClient) -> list[dict[str, Any]]:
    """Return the webhook endpoints at Stripe."""
    return list(sandbox.state()['webhook_endpoints'])


def subscriptions(sandbox: SandboxClient) -> list[str]:
    """Return the URLs of the subscriptions at Calendly."""
    return [each['callback_url'] for each in sandbox.state()['subscriptions']]


def test_from_nothing_to_settings(environ: dict[str, str], env_file: Path, sandbox: SandboxClient) -> None:
    """All answers end in a private file that a shop can start with, and no secret is shown."""
    assert no_settings(environ, env_file)
    said = set_up(environ, env_file, Operator(answers(sandbox)))
    settings = load(environ, env_file)
    assert (settings.domain, settings.stripe_price_id) == (DOMAIN, sandbox.settings['STRIPE_PRICE_ID'])
    assert (settings.calendly_link, settings.admin_password) == (sandbox.calendly_link, PASSWORD)
    assert env_file.read_text().startswith('# mine\nLOG_LEVEL=warning\n')
    assert env_file.stat().st_mode & 0o777 == 0o600
    (endpoint,), (key,) = endpoints(sandbox), settings.calendly_webhook_signing_key
    assert (endpoint['url'], set(endpoint['enabled_events'])) == (HOOK, set(RELEVANT))
    assert subscriptions(sandbox) == [f'{DOMAIN}/webhooks/calendly']
    secrets = (PASSWORD, key, *settings.stripe_webhook_secret, settings.stripe_secret_key)
    assert [secret for secret in secrets if secret in said] == []
    assert not no_settings(environ, env_file)
    assert read_kept_settings(environ['DATABASE_URL']) == {}


def test_a_second_set_up_makes_nothing_again(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """Enter keeps every answer; endpoint and subscription are found, and the file is not touched."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    before, made = env_file.read_bytes(), endpoints(sandbox)
    said = set_up(environ, env_file, Operator(agrees=False))
    assert 'Nothing changes.' in said
    assert (env_file.read_bytes(), endpoints(sandbox), len(subscriptions(sandbox))) == (before, made, 1)


def test_a_secret_that_is_not_known_any_more_is_replaced(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """The endpoint is made anew and the old one deleted; the subscription as well; another shop's stays."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    (old,), lines = endpoints(sandbox), env_file.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(('STRIPE_WEBHOOK', 'CALENDLY_WEBHOOK'))]
    env_file.write_text('\n'.join(kept))
    said = set_up(environ, env_file, Operator())
    (new,) = endpoints(sandbox)
    assert (new['id'] != old['id'], new['url'], len(subscriptions(sandbox))) == (True, HOOK, 1)
    assert 'is deleted' in said
    assert load(environ, env_file).stripe_webhook_secret


def test_undo_deletes_what_was_made_and_nothing_else(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """An endpoint of somebody else stays, even with the same URL; a second undo finds nothing."""
    sandbox.act('webhooks', stripe=HOOK)
    set_up(environ, env_file, Operator(answers(sandbox)))
    assert len(endpoints(sandbox)) == 2
    said = set_up(environ, env_file, Operator(), undo=True)
    assert 'Stripe: 1 webhook endpoint deleted.' in said
    assert (len(endpoints(sandbox)), subscriptions(sandbox)) == (1, [])
    assert 'Stripe: no webhook endpoints deleted.' in set_up(environ, env_file, Operator(), undo=True)


def test_undo_needs_the_token_to_delete_the_subscription(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """Without it nothing is deleted and nothing is forgotten; with it undo goes on."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    whole = env_file.read_text()
    env_file.write_text(whole.replace('CALENDLY_TOKEN=', '# '))
    with pytest.raises(CommandRefused, match='Nothing was deleted: without CALENDLY_TOKEN'):
        set_up(environ, env_file, Operator(), undo=True)
    assert (len(endpoints(sandbox)), len(subscriptions(sandbox))) == (1, 1)
    env_file.write_text(whole)
    set_up(environ, env_file, Operator(), undo=True)
    assert (endpoints(sandbox), subscriptions(sandbox)) == ([], [])


def test_a_secret_of_the_environment_stays_with_its_webhook(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """The environment wins over what is written, so a new secret would never be used: nothing is made."""
    sandbox.act('webhooks', calendly=f'{DOMAIN}/webhooks/calendly')
    before = sandbox.state()['subscriptions']
    fixed = {'STRIPE_WEBHOOK_SECRET': 'whsec_mine', 'CALENDLY_WEBHOOK_SIGNING_KEY': 'mine'}
    said = set_up(environ | fixed, env_file, Operator(answers(sandbox)))
    assert (endpoints(sandbox), sandbox.state()['subscriptions']) == ([], before)
    assert [name for name in fixed if f'{name} is set outside of the set-up and stays' in said] == [*fixed]


async def test_nothing_is_made_for_a_setting_of_the_environment(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """Neither a price nor an event type: it would not be used."""
    fixed = {name: sandbox.settings[name] for name in ('STRIPE_PRICE_ID', 'CALENDLY_LINK')}
    async with opened(environ | fixed, Path(os.devnull)) as s:
        for step in (Step.KEYS, Step.CALENDAR):
            await TAKE[step](s, sandbox)
        with pytest.raises(Refused, match='STRIPE_PRICE_ID is set outside of the set-up'):
            await s.payments.make_price('x', '80', 'usd', attempt='1')
        with pytest.raises(Refused, match='CALENDLY_LINK is set outside of the set-up'):
            await s.calendar.make_event_type('x')
    assert sandbox.requests('POST /v1/prices') == sandbox.requests('POST /event_types') == []


def test_price_and_event_type_can_be_made(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """A new product with its price, and a new event type of the length that is sold."""
    made = {
        'Number of the price': '2',
        'Amount': '149.50',
        'Currency': 'EUR',
        'Number of the event type': '2',
    }
    operator = Operator(answers(sandbox) | made)
    said = set_up(environ, env_file, operator)
    settings = load(environ, env_file)
    assert settings.stripe_price_id != sandbox.settings['STRIPE_PRICE_ID']
    assert settings.calendly_link.endswith('/c-p-coaching-session')
    assert '€149.50' in said


@pytest.mark.parametrize(
    ('new_database', 'broken_off'),
    [*(('sqlite', step) for step in Step), ('postgresql', Step.BOOKINGS_WEBHOOK)],
    indirect=['new_database'],
)
async def test_a_set_up_can_be_broken_off_after_every_step(
    environ: dict[str, str], sandbox: SandboxClient, broken_off: Step
) -> None:
    """The next one goes on there; whatever was made is made once; the ledger keeps the settings."""
    nothing = Path(os.devnull)
    for step, take in TAKE.items():
        async with opened(environ, nothing) as first:
            assert first.answers.step is step
            await take(first, sandbox)
        if step is broken_off:
            break
    async with opened(environ, nothing) as second:
        for step, take in TAKE.items():
            if not second.answers.is_taken(step) and not read_kept_settings(environ['DATABASE_URL']):
                await take(second, sandbox)
    assert (len(endpoints(sandbox)), len(subscriptions(sandbox))) == (1, 1)
    settings = load(environ, nothing, read_kept_settings)
    assert (settings.domain, settings.admin_password) == (DOMAIN, PASSWORD)
    other = environ | {'DOMAIN': 'https://other.example'}
    assert load(other, nothing, read_kept_settings).domain == 'https://other.example'


@pytest.mark.parametrize(
    ('hand_made', 'key_is_known'), [(False, False), (True, True), (True, False)], ids=str
)
def test_a_no_leaves_everything_as_it_is(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, hand_made: bool, key_is_known: bool
) -> None:
    """Nothing is made, changed or deleted before a yes that names it; not even with --yes."""
    hooks = {'stripe': HOOK, 'calendly': f'{DOMAIN}/webhooks/calendly'}
    if hand_made:
        sandbox.act('webhooks', **hooks)
        _write(env_file, sandbox, *(['CALENDLY_WEBHOOK_SIGNING_KEY'] if key_is_known else []))
    else:
        set_up(environ, env_file, Operator(answers(sandbox)))
        lost = ('STRIPE_WEBHOOK', 'CALENDLY_WEBHOOK')
        lines = env_file.read_text().splitlines()
        env_file.write_text('\n'.join(line for line in lines if not line.startswith(lost)))
    before = env_file.read_bytes(), sandbox.state()['webhook_secrets'], endpoints(sandbox)
    writes = len(sandbox.requests('POST /v1/webhook_endpoints')), len(sandbox.requests('POST /webhook_sub'))
    operator = Operator(answers(sandbox), refuses='Write them')
    command.run(environ, env_file, undo=False, yes=True, prompts=operator)
    said = operator.text
    assert 'Write them, and delete what is named above?' in operator.said
    (subscription,) = sandbox.state()['subscriptions']
    named = [subscription['uri'].rpartition('/')[2], *([] if hand_made else [endpoints(sandbox)[0]['id']])]
    assert [each for each in named if f'{each} of an earlier' in said or f'({each}, made' in said] == named
    assert 'Nothing was written, made or deleted' in said
    after = env_file.read_bytes(), sandbox.state()['webhook_secrets'], endpoints(sandbox)
    assert after == before
    assert writes == (
        len(sandbox.requests('POST /v1/webhook_endpoints')),
        len(sandbox.requests('POST /webhook_sub')),
    )


@pytest.mark.parametrize('address', ['http://localhost:3000', 'http://192.168.1.20:3000'])
def test_where_nothing_can_arrive_no_webhook_is_made(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, address: str
) -> None:
    """It says why, and what works without, and asks nothing; a secret of `stripe listen` stays."""
    said = set_up(environ, env_file, Operator(answers(sandbox) | {'Address': address}))
    for sender in ('Stripe', 'Calendly'):
        assert f'{address} is not on the internet: {sender} cannot reach it. So none is made.' in said
    assert 'Without it an order is checked when its customer comes back, and every minute.' in said
    assert 'Without it bookings are read from Calendly every few minutes.' in said
    assert (endpoints(sandbox), subscriptions(sandbox)) == ([], [])
    settings = load(environ, env_file)
    assert (settings.stripe_webhook_secret, settings.calendly_webhook_signing_key) == ((), ())
    assert 'Secret of an endpoint' not in said
    env_file.write_text(f'{env_file.read_text()}STRIPE_WEBHOOK_SECRET=whsec_of_stripe_listen\n')
    set_up(environ, env_file, Operator())
    assert load(environ, env_file).stripe_webhook_secret == ('whsec_of_stripe_listen',)


def test_what_is_there_can_be_kept(environ: dict[str, str], env_file: Path, sandbox: SandboxClient) -> None:
    """Whoever refuses at its step keeps a subscription with its key; everything else is written."""
    sandbox.act('webhooks', calendly=f'{DOMAIN}/webhooks/calendly')
    _write(env_file, sandbox, 'CALENDLY_WEBHOOK_SIGNING_KEY')
    before = sandbox.state()['subscriptions']
    set_up(environ, env_file, Operator(answers(sandbox), refuses='Delete it then?'))
    assert sandbox.state()['subscriptions'] == before
    assert _fits(environ, env_file, sandbox) == (True, True)


def test_a_hand_made_endpoint_keeps_its_secret(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """The secret of a new endpoint joins it in the settings; a known key is that of the new subscription."""
    sandbox.act('webhooks', stripe=HOOK, calendly=f'{DOMAIN}/webhooks/calendly')
    _write(env_file, sandbox, 'STRIPE_WEBHOOK_SECRET', 'CALENDLY_WEBHOOK_SIGNING_KEY')
    said = set_up(environ, env_file, Operator(answers(sandbox)))
    settings, at_vendors = load(environ, env_file), sandbox.state()['webhook_secrets']
    assert len(settings.stripe_webhook_secret) == 2
    assert set(at_vendors.values()) == {
        *settings.stripe_webhook_secret,
        sandbox.settings['CALENDLY_WEBHOOK_SIGNING_KEY'],
    }
    assert settings.calendly_webhook_signing_key == (sandbox.settings['CALENDLY_WEBHOOK_SIGNING_KEY'],)
    assert 'which this set-up has not made, stays as it is' in said
    kept = sandbox.settings['STRIPE_WEBHOOK_SECRET'][-4:]
    assert f'STRIPE_WEBHOOK_SECRET: …{kept} → the secret of the new endpoint and …{kept}' in said
    before = env_file.read_bytes()
    assert 'Nothing changes.' in set_up(environ, env_file, Operator())
    assert (env_file.read_bytes(), sandbox.state()['webhook_secrets']) == (before, at_vendors)


DEATHS = {
    'before the endpoint is made': ('make_endpoint', False),
    'after it is made': ('make_endpoint', True),
    'before the settings are written': ('_write_settings', False),
    'after they are written': ('_write_settings', True),
    'before the old endpoint is deleted': ('delete_endpoints', False),
    'after it is deleted': ('delete_endpoints', True),
    'before the old subscription is deleted': ('delete', False),
    'after it is deleted, with none in its place': ('delete', True),
    'after the subscription is made': ('make', True),
}


@pytest.mark.parametrize('death', DEATHS)
async def test_a_shop_works_wherever_its_set_up_dies(
    environ: dict[str, str],
    env_file: Path,
    sandbox: SandboxClient,
    death: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The settings fit an endpoint and the subscription at each moment; the next set-up ends with one each.

    Only while the subscription is replaced there is none, since Calendly allows one for an address.
    """
    sandbox.act('webhooks', stripe=None, calendly=f'{DOMAIN}/webhooks/calendly')
    _write(env_file, sandbox, 'CALENDLY_WEBHOOK_SIGNING_KEY')
    await _take_all(environ, env_file, sandbox)
    sandbox.act('webhooks', calendly=f'{DOMAIN}/webhooks/calendly')
    # An endpoint that leaves events out delivers, but it does not fit, and is replaced.
    (endpoint,) = endpoints(sandbox)
    url = f'{sandbox.settings["STRIPE_API_BASE"]}/v1/webhook_endpoints/{endpoint["id"]}'
    async with httpx.AsyncClient(auth=(sandbox.settings['STRIPE_SECRET_KEY'], ''), trust_env=False) as stripe:
        await stripe.post(url, data={'enabled_events[0]': 'checkout.session.completed'})
    assert len(endpoints(sandbox)[0]['enabled_events']) == 1
    assert _fits(environ, env_file, sandbox) == (True, True)
    name, is_after = DEATHS[death]
    place = {'make_endpoint': webhooks, 'delete_endpoints': webhooks, '_write_settings': SetUp}
    with monkeypatch.context() as patch:
        _die_at(patch, place.get(name, Subscriptions), name, is_after=is_after)
        with pytest.raises(KeyboardInterrupt):
            await _take_all(environ, env_file, sandbox)
    assert _fits(environ, env_file, sandbox) == (True, death != 'after it is deleted, with none in its place')
    await _take_all(environ, env_file, sandbox)
    assert (len(endpoints(sandbox)), len(subscriptions(sandbox))) == (1, 1)
    assert _fits(environ, env_file, sandbox) == (True, True)
    assert 'Nothing changes.' in await asyncio.to_thread(set_up, environ, env_file, Operator())


def _write(env_file: Path, sandbox: SandboxClient, *names: str) -> None:
    env_file.write_text(''.join(f'{name}={sandbox.settings[name]}\n' for name in names))


async def _take_all(environ: Mapping[str, str], env_file: Path, sandbox: SandboxClient) -> None:
    async with opened(environ, env_file) as s:
        for take in TAKE.values():
            await take(s, sandbox)


def _fits(environ: Mapping[str, str], env_file: Path, sandbox: SandboxClient) -> tuple[bool, bool]:
    """Whether a shop with the settings as they are accepts what an endpoint and the subscription deliver."""
    settings, at_vendors = load(environ, env_file), sandbox.state()['webhook_secrets']
    keys = [at_vendors[each['uri']] for each in sandbox.state()['subscriptions']]
    return (
        any(at_vendors[each['id']] in settings.stripe_webhook_secret for each in endpoints(sandbox)),
        bool(keys) and {*keys} <= {*settings.calendly_webhook_signing_key},
    )


def _die_at(patch: pytest.MonkeyPatch, place: Any, name: str, *, is_after: bool) -> None:
    """Have the process die before or after one step of the writing; a patch only interleaves the death."""
    work = getattr(place, name)

    async def die(*given: Any, **named: Any) -> None:
        if is_after:
            await work(*given, **named)
        if NOTHING not in given:  # the trial of a scope
            raise KeyboardInterrupt

    patch.setattr(place, name, die)


async def test_what_was_agreed_to_is_all_that_is_deleted(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """Whatever has appeared at Calendly since then is named first, and nothing is written or made."""
    async with opened(environ, env_file) as s:
        for step in list(TAKE)[:-1]:
            await TAKE[step](s, sandbox)
        agreed = (await s.preview()).deletes
        sandbox.act('webhooks', calendly=f'{DOMAIN}/webhooks/calendly')
        before = sandbox.state()['webhook_secrets']
        with pytest.raises(Refused, match=r'Nothing was written, since this has changed: .* is deleted'):
            await s.write(agreed)
        assert (no_settings(environ, env_file), sandbox.state()['webhook_secrets']) == (True, before)
        await TAKE[Step.WRITE](s, sandbox)
    assert _fits(environ, env_file, sandbox) == (True, True)


async def test_what_fails_after_the_settings_were_written_is_said(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """The shop reads its bookings; the next set-up makes the subscription with the same key."""
    async with opened(environ, env_file) as s:
        for step in list(TAKE)[:-1]:
            await TAKE[step](s, sandbox)
        sandbox.fault('POST /webhook_subscriptions', 'fail', status=403)
        (problem,) = (await s.write((await s.preview()).deletes)).problems
        assert 'The settings are written all the same' in problem
        assert (s.answers.existing['DOMAIN'], subscriptions(sandbox)) == (DOMAIN, [])
    before = load(environ, env_file)
    await _take_all(environ, env_file, sandbox)
    assert _fits(environ, env_file, sandbox) == (True, True)
    assert load(environ, env_file) == before


@pytest.mark.parametrize('new_database', ['sqlite', 'postgresql'], indirect=True)
async def test_one_process_sets_up_at_a_time(environ: dict[str, str], sandbox: SandboxClient) -> None:
    """The other one goes on only after somebody wants it, with all answers, and never while it is working."""
    nothing = Path(os.devnull)
    async with opened(environ, nothing) as one, opened(environ, nothing) as other:
        other.answers.hold.place = 'elsewhere'
        await one.answers.take()
        for step in list(TAKE)[:-1]:
            await TAKE[step](one, sandbox)
        with pytest.raises(Elsewhere, match=f'under way in the process {os.getpid()}'):
            await other.answers.take()
        async with one.answers.hold.working():
            with pytest.raises(Elsewhere, match='just now; try again') as refused:
                await other.answers.take(over=True)
        assert (refused.value.is_working, other.answers.draft) == (True, {})
        await other.answers.take(over=True)
        assert other.answers.draft == one.answers.draft
        agreed = (await one.preview()).deletes
        first, second = await asyncio.gather(one.write(agreed), other.write(agreed), return_exceptions=True)
        assert (type(first), type(second)) == (Elsewhere, Written)
        with pytest.raises(Elsewhere):
            await one.payments.make_price('x', '80', 'usd', attempt='1')
        with pytest.raises(Elsewhere):
            await one.calendar.make_event_type('x')
        with pytest.raises(Elsewhere):
            await one.undo()
    assert (len(endpoints(sandbox)), len(subscriptions(sandbox))) == (1, 1)
    assert sandbox.requests('POST /v1/prices') == sandbox.requests('POST /event_types') == []


async def test_a_set_up_that_rests_or_ended_is_no_obstacle(
    environ: dict[str, str], sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some minutes nobody is asked, and what was answered meanwhile is read; a patch shortens them."""
    nothing = Path(os.devnull)
    async with opened(environ, nothing) as one:
        async with opened(environ, nothing) as other:
            other.answers.hold.place = 'elsewhere'
            await other.answers.take()
        with monkeypatch.context() as patch:
            patch.setattr(hold, 'IDLE', timedelta(0))
            await one.answers.take()
            await TAKE[Step.KEYS](one, sandbox)
        async with opened(environ, nothing) as other:
            other.answers.hold.place = 'elsewhere'
            await other.answers.take()
            await TAKE[Step.PRICE](other, sandbox)
        await one.answers.take()
        assert one.answers.step is Step.CALENDAR


async def test_the_terminal_asks_before_it_goes_on_for_another_process(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """After a "no" nothing was tried; after a "yes" the other one has it no longer."""
    async with opened(environ, env_file) as pages:
        pages.answers.hold.place = 'port 3000 of shop'
        await pages.answers.take()
        operator = Operator(answers(sandbox), refuses='Another set-up')
        with pytest.raises(CommandRefused, match='under way in port 3000 of shop'):
            await asyncio.to_thread(set_up, environ, env_file, operator)
        assert sandbox.requests() == []
        await asyncio.to_thread(set_up, environ, env_file, Operator(answers(sandbox)))
        with pytest.raises(Refused):
            await pages.write()
    assert len(endpoints(sandbox)) == 1


REFUSALS: list[tuple[str, Any, str]] = [
    ('an unknown key', lambda s: s.payments.use_keys('sk_test_wrong', ''), 'Stripe does not know this key'),
    ('a publishable key', lambda s: s.payments.use_keys('pk_test_1', ''), 'seems to be a publishable key'),
    ('no key', lambda s: s.payments.use_keys('', ''), 'The secret key is missing'),
    ('two modes', lambda s: s.payments.use_keys('', 'pk_live_1'), 'must both be test keys'),
    ('an unknown price', lambda s: s.payments.use_price('price_none'), 'No such price'),
    ('a bad amount', lambda s: s.payments.make_price('x', 'much', 'usd', attempt='1'), 'Type the amount'),
    ('a wrong token', lambda s: s.calendar.use_token('wrong'), 'Calendly refuses CALENDLY_TOKEN'),
    ('no token', lambda s: s.calendar.use_token(''), 'The token is missing'),
    ('no link', lambda s: s.calendar.use_link('calendly.com/x'), 'must begin with https://calendly.com/'),
    ('a path', lambda s: s.use_domain('https://a.example/shop'), 'only scheme, host and port'),
    ('a short password', lambda s: s.use_password('short'), 'at least 12 characters'),
    ('a line break', lambda s: s.use_password('long enough\nPORT=1'), 'a control character, such as a line'),
    ('a quoted one', lambda s: s.use_password('"\nlong enough"'), 'a control character, such as a line'),
    ('a NUL', lambda s: s.use_password('long\0enough to be one'), 'holds a control character'),
    ('another alphabet', lambda s: s.calendar.use_token('tökén'), 'CALENDLY_TOKEN does not look right'),
    ('a wrong secret', lambda s: s.payments.skip_endpoint('sk_test_1'), 'seems to be a secret key'),
]


@pytest.mark.parametrize(('what', 'take', 'words'), REFUSALS, ids=[each[0] for each in REFUSALS])
async def test_a_wrong_answer_is_refused_and_not_kept(
    environ: dict[str, str], sandbox: SandboxClient, what: str, take: Any, words: str
) -> None:
    """It says what is wrong, and the step is still to be taken."""
    async with opened(environ, Path(os.devnull)) as s:
        if what not in ('an unknown key', 'no key', 'a publishable key'):
            await TAKE[Step.KEYS](s, sandbox)
        before = dict(s.answers.draft)
        with pytest.raises(Refused, match=words):
            await take(s)
        assert s.answers.draft == before


async def test_a_token_of_another_alphabet_is_no_answer_of_calendly(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """Nothing is sent; a shop with such a token does not start, and says why."""
    with pytest.raises(SettingsError, match='CALENDLY_TOKEN does not look right'):
        build(load(environ | dict(sandbox.settings) | {'CALENDLY_TOKEN': 'tökén'}, Path(os.devnull)))
    assert sandbox.requests('GET /users/me') == []


async def test_missing_rights_are_named(environ: dict[str, str], sandbox: SandboxClient) -> None:
    """Of the key: what it cannot do without is refused, the rest is told; of the token: the scope."""
    restricted = 'rk_test_sandboxNoMoneyMoves00000002'
    async with opened(environ, Path(os.devnull)) as s:
        sandbox.act('key', missing_permissions=['checkout_session_write', 'dispute_read'])
        with pytest.raises(Refused, match='The key lacks Checkout Sessions: Write'):
            await s.payments.use_keys(restricted, '')
        sandbox.act('key', missing_permissions=['dispute_read', 'webhook_write', 'product_read'])
        (warning,) = await s.payments.use_keys(restricted, '')
        assert warning.startswith('The key lacks Disputes: Read')
        assert [price.product for price in await s.payments.prices()] == ['']
        sandbox.act('calendly-token', missing_scopes=['webhooks:write'])
        for step in (Step.PRICE, Step.CALENDAR, Step.EVENT_TYPE, Step.ADDRESS):
            await TAKE[step](s, sandbox)
        with pytest.raises(Refused, match='rak_webhook_write') as refused:
            await s.payments.plan_endpoint()
        assert refused.value.may_skip
        await s.payments.skip_endpoint()
        with pytest.raises(Refused, match='lacks the scope webhooks:write') as refused:
            await s.calendar.plan_subscription()
        assert refused.value.may_skip


async def test_what_says_nothing_of_the_key_does_not_stop_the_set_up(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """A list that Stripe does not have, or an organization that is closed; but silence stops a step."""
    async with opened(environ, Path(os.devnull)) as s:
        sandbox.fault('GET /v1/reviews', 'fail', status=404)
        await TAKE[Step.KEYS](s, sandbox)
        sandbox.fault('GET /v1/prices', 'reset', times=9)
        with pytest.raises(Refused, match='Stripe does not answer'):
            await TAKE[Step.KEYS](s, sandbox)
        sandbox.act('calendly-token', admin=False)
        await TAKE[Step.CALENDAR](s, sandbox)
        sandbox.fault('GET /event_types', 'fail', status=500, times=9)
        with pytest.raises(Refused, match='Calendly does not answer'):
            await s.calendar.event_types()


async def test_a_publishable_key_of_the_other_mode_is_dropped(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """Whoever goes from live keys to test keys need not clear it."""
    async with opened(environ, Path(os.devnull)) as s:
        s.answers.existing['STRIPE_PUBLISHABLE_KEY'] = 'pk_live_1'
        await s.payments.use_keys(sandbox.settings['STRIPE_SECRET_KEY'], '')
        assert s.answers.draft['STRIPE_PUBLISHABLE_KEY'] == ''


async def test_another_key_or_address_outdates_what_depends_on_it(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """Another address needs its own webhooks, and those of the old address are deleted."""
    async with opened(environ, Path(os.devnull)) as s:
        for take in TAKE.values():
            await take(s, sandbox)
        for step in list(TAKE)[:-1]:
            await TAKE[step](s, sandbox)
        await s.use_domain('https://new.example')
        assert str(s.answers.step) == 'payments-webhook'
        for step in (Step.PAYMENTS_WEBHOOK, Step.BOOKINGS_WEBHOOK):
            await TAKE[step](s, sandbox)
        assert (endpoints(sandbox)[0]['url'], len(subscriptions(sandbox))) == (HOOK, 1)
        await TAKE[Step.WRITE](s, sandbox)
        assert [each['url'] for each in endpoints(sandbox)] == ['https://new.example/webhooks/stripe']
        assert subscriptions(sandbox) == ['https://new.example/webhooks/calendly']
        for step in list(TAKE)[:-1]:
            await TAKE[step](s, sandbox)
        await s.payments.use_keys('rk_test_sandboxNoMoneyMoves00000002', '')
        assert str(s.answers.step) == 'price'


async def test_an_endpoint_of_another_mode_is_named(environ: dict[str, str], sandbox: SandboxClient) -> None:
    """Whoever goes from test keys to live keys must delete it: this key cannot."""
    async with opened(environ, Path(os.devnull)) as s:
        await s.answers.write_down('endpoint', 'we_of_test_mode', 'whsec_1')
        for take in TAKE.values():
            words = ' '.join((await s.preview()).words)
            await take(s, sandbox)
        assert 'we_of_test_mode, made before, is not in this account and mode' in words
        for step in list(TAKE)[:-2]:
            await TAKE[step](s, sandbox)
        assert 'made before' not in (await s.payments.plan_endpoint()).words


async def test_a_check_that_is_too_slow_is_not_taken_for_a_good_one(
    environ: dict[str, str], sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so; the constant is patched only to wait less."""
    async with opened(environ, Path(os.devnull)) as s:
        for take in TAKE.values():
            await take(s, sandbox)
        monkeypatch.setattr(set_up_module, 'CHECK_DEADLINE', 0)
        (finding,) = await s.check()
    assert finding.text == 'the check was not over within 0 seconds'


async def test_an_event_type_that_can_be_booked_without_paying_is_told(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """One on the public page, and one with a payment of its own; a secret one is right."""
    async with opened(environ, Path(os.devnull)) as s:
        await TAKE[Step.CALENDAR](s, sandbox)
        for how, concern in (
            ({'secret': False}, 'is on your public page'), ({'is_paid': True}, 'takes a payment of its own'),
            ({'is_paid': False, 'secret': True}, ''),
        ):  # fmt: skip
            sandbox.act('calendar', **how)
            (found,) = await s.calendar.event_types()
            assert found.concern.partition(':')[0] == concern


@pytest.mark.parametrize('token', [True, False])
async def test_a_link_that_surely_cannot_be_booked_is_refused(
    environ: dict[str, str], sandbox: SandboxClient, token: bool
) -> None:
    """With and without a token; while Calendly is silent a link is taken, with a note."""
    async with opened(environ, Path(os.devnull)) as s:
        await s.calendar.use_token(sandbox.settings['CALENDLY_TOKEN'] if token else '', none=not token)
        with pytest.raises(Refused, match='there is no event type at CALENDLY_LINK: Calendly answers 404'):
            await s.calendar.use_link(f'{sandbox.calendly_link}-none')
        sandbox.act('calendar', is_paid=True)
        if token:
            with pytest.raises(Refused, match='customers would pay twice'):
                await s.calendar.use_link(sandbox.calendly_link)
        assert 'CALENDLY_LINK' not in s.answers.draft
        sandbox.act('calendar', is_paid=False)
        sandbox.fault('GET /*', 'reset', times=9)
        (note,) = await s.calendar.use_link(sandbox.calendly_link)
        assert note.startswith('Calendly does not answer')


async def test_a_step_that_is_open_keeps_the_settings_from_being_written(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """Also where a shop could start without its answer."""
    async with opened(environ, Path(os.devnull)) as s:
        for step in list(TAKE)[:5]:
            await TAKE[step](s, sandbox)
        with pytest.raises(Refused, match='the step "payments-webhook" is still to be taken'):
            await s.write()
    assert read_kept_settings(environ['DATABASE_URL']) == {}


async def test_without_a_token_the_public_link_is_sold(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """No subscription is made, and the shop can be built from what was written."""
    async with opened(environ, Path(os.devnull)) as s:
        await TAKE[Step.KEYS](s, sandbox)
        await TAKE[Step.PRICE](s, sandbox)
        await s.calendar.use_token('', none=True)
        assert await s.calendar.event_types() == ()
        assert await s.calendar.use_link(sandbox.calendly_link) == []
        for step in (Step.ADDRESS, Step.PAYMENTS_WEBHOOK, Step.PASSWORD, Step.WRITE):
            await TAKE[step](s, sandbox)
    shop = build(load(environ, Path(os.devnull), read_kept_settings))
    assert (shop.scheduling.makes_links, subscriptions(sandbox)) == (False, [])
    await shop.close()


async def test_what_would_keep_the_shop_from_starting_is_said_before_writing(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """Live keys with example texts, without an address and a secret."""
    alone = {name: environ[name] for name in ('DATABASE_URL', 'SITE_FILE')}
    async with opened(alone, Path(os.devnull)) as s:
        live = {'STRIPE_SECRET_KEY': 'sk_live_1', 'STRIPE_PRICE_ID': 'price_1'}
        s.answers.draft |= live | {'CALENDLY_LINK': 'https://calendly.com/you/session'}
        assert [problem.partition(' ')[0] for problem in await s.problems()] == [
            'DOMAIN',
            'STRIPE_WEBHOOK_SECRET',
        ]
        with pytest.raises(Refused, match='DOMAIN must begin with https'):
            await s.write()
        s.answers.draft |= {'endpoint': 'planned'}
        assert [problem.partition(' ')[0] for problem in await s.problems()] == ['DOMAIN']
        s.answers.draft |= {'DOMAIN': DOMAIN, 'STRIPE_WEBHOOK_SECRET': 'whsec_1'}
        assert all('an example' in problem for problem in await s.problems())
        assert await s.problems()


def test_nobody_answers(environ: dict[str, str], env_file: Path, sandbox: SandboxClient) -> None:
    """Without answers the command ends, and says that they are kept."""

    class Nobody(Operator):
        def ask(self, question: str, *, known: str = '', secret: bool = False) -> str:
            if question.startswith('Number'):
                raise CommandRefused(command.NOBODY)
            return super().ask(question, known=known, secret=secret)

    with pytest.raises(CommandRefused, match='nobody answers'):
        set_up(environ, env_file, Nobody(answers(sandbox)))
    said = set_up(environ, env_file, Operator(answers(sandbox)))
    assert 'Go on at its step "price"?' in said


def test_the_file_of_the_ledger_is_private(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, new_database: NewDatabase
) -> None:
    """It will hold keys."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    file = Path(environ['DATABASE_URL'].removeprefix('sqlite:///'))
    assert file.stat().st_mode & 0o777 == 0o600
