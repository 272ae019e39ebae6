"""Answers that the set-up refuses, and what it says instead."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from services.ledger import read_kept_settings
from services.set_up import Refused, Step, opened
from services.set_up import set_up as set_up_module
from services.settings import SettingsError, load
from services.shop import build
from tests.sandbox_client import SandboxClient
from tests.services.set_up import (
    DOMAIN,
    HOOK,
    TAKE,
    endpoints,
    subscriptions,
)

REFUSALS: list[tuple[str, Any, str]] = [
    ('an unknown key', lambda s: s.payments.use_keys('sk_test_wrong', ''), 'Stripe does not know this key'),
    ('a publishable key', lambda s: s.payments.use_keys('pk_test_1', ''), 'seems to be a publishable key'),
    ('no key', lambda s: s.payments.use_keys('', ''), 'The secret key is missing'),
    ('two modes', lambda s: s.payments.use_keys('', 'pk_live_1'), 'must both be test keys'),
    (
        'an unknown price',
        lambda s: s.payments.use_price('price_none'),
        'does not have the price price_none in test mode',
    ),
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


async def test_a_live_key_is_sent_to_no_other_address(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """Neither when it is entered, nor if the settings have it, for whichever step or `--undo`."""
    live = 'STRIPE_SECRET_KEY=sk_live_abc\nCALENDLY_TOKEN=token\nDOMAIN=https://coach.test\n'
    await asyncio.to_thread(env_file.write_text, live)
    async with opened(environ, env_file) as s:
        for take in (
            lambda: s.payments.use_keys('rk_live_abc', ''),
            lambda: s.payments.use_keys('', ''),
            s.payments.prices,
            s.payments.plan_endpoint,
            s.undo,
        ):
            with pytest.raises(Refused, match='STRIPE_API_BASE must not be set together with a live Stripe'):
                await take()
        with pytest.raises(Refused, match='CALENDLY_API_BASE must not be set together'):
            await s.calendar.event_types()
        with pytest.raises(Refused, match='CALENDLY_API_BASE must not be set together'):
            await s.calendar.use_token('token')
        assert s.answers.draft == {}
    assert sandbox.requests() == []


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
