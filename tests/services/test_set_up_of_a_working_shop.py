"""A set-up where there is a shop already: what works goes on working until a yes, wherever it ends."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.commands import set_up as command
from services.scheduling.scopes import NOTHING
from services.scheduling.subscriptions import Subscriptions
from services.set_up import Refused, SetUp, Step, no_settings, opened, webhooks
from services.settings import load
from tests.sandbox_client import SandboxClient
from tests.services.set_up import (
    DOMAIN,
    HOOK,
    TAKE,
    Operator,
    answers,
    endpoints,
    set_up,
    subscriptions,
)


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


@pytest.mark.parametrize('own', ['', 'whsec_of_another_one'])
def test_an_endpoint_that_stays_without_its_secret_is_named(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, own: str
) -> None:
    """Whoever does not let it be replaced reads what follows, and not that nothing is wrong."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    (endpoint,), (secret,) = endpoints(sandbox), load(environ, env_file).stripe_webhook_secret
    env_file.write_text(env_file.read_text().replace(secret, own))
    said = set_up(environ, env_file, Operator(refuses='Delete it then?'))
    words = f'No known secret fits {endpoint["id"]}, which stays as it is: what Stripe sends from'
    assert said.count(words) == 2
    assert said.count('Payments are still found by asking Stripe.') == 2
    assert 'Nothing is wrong.' not in said
    typed = Operator({'Secret of an endpoint': secret}, refuses='Delete it then?')
    assert words not in set_up(environ, env_file, typed)
    assert load(environ, env_file).stripe_webhook_secret == (secret,)
    assert endpoints(sandbox) == [endpoint]
    assert words not in set_up(environ, env_file, Operator())


def test_a_key_that_may_not_read_endpoints_ends_no_set_up(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """What stays at Stripe cannot be seen then; the settings are written."""
    restricted = {'Secret or restricted key': 'rk_test_sandboxNoMoneyMoves00000002'}
    sandbox.act('key', missing_permissions=['webhook_read', 'webhook_write'])
    said = set_up(environ, env_file, Operator(answers(sandbox) | restricted))
    assert f'Written to {env_file}' in said


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
        with pytest.raises(Refused, match=r'Nothing was written, since this has changed: .* will be deleted'):
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
