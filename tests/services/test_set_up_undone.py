"""The undo of a set-up: what was made is deleted, and its secrets leave the settings."""

import asyncio
import json
import os
from pathlib import Path

import httpx
import pytest

from services.commands.refused import CommandRefused
from services.ledger import read_kept_settings
from services.settings import load
from services.shop import build
from tests.factories import signed
from tests.sandbox_client import SandboxClient
from tests.sandbox_server import running
from tests.services.conftest import client_at
from tests.services.set_up import Operator, answers, endpoints, set_up, subscriptions

MINE, KEY = 'whsec_myownsecretMINE', 'a-signing-key-of-mine-KEYS'
NAMES = ('STRIPE_WEBHOOK_SECRET', 'CALENDLY_WEBHOOK_SIGNING_KEY')


async def test_after_an_undo_the_secret_of_what_was_deleted_is_refused(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """Also after two rounds; the operator's own secrets stay, and it says what must be restarted."""
    dead: list[str] = []
    await asyncio.to_thread(set_up, environ, env_file, Operator(answers(sandbox)))
    text = await asyncio.to_thread(env_file.read_text)
    for name, own in zip(NAMES, (MINE, KEY), strict=True):
        text = text.replace(f'{name}=', f'{name}={own},')
    await asyncio.to_thread(env_file.write_text, text)
    for keys in ((KEY,), ()):  # the second subscription was made with the key that was left
        (endpoint,) = endpoints(sandbox)
        dead.append(sandbox.state()['webhook_secrets'][endpoint['id']])
        said = await asyncio.to_thread(set_up, environ, env_file, Operator(), undo=True)
        assert f'STRIPE_WEBHOOK_SECRET: …{dead[-1][-4:]} was removed from {env_file}; …MINE stays.' in said
        assert 'A running shop accepts it until it is restarted.' in said
        settings = load(environ, env_file)
        assert settings.stripe_webhook_secret == (MINE,)
        assert settings.calendly_webhook_signing_key == keys
        await asyncio.to_thread(set_up, environ, env_file, Operator())
    (endpoint,) = endpoints(sandbox)
    new = sandbox.state()['webhook_secrets'][endpoint['id']]
    settings = load(environ, env_file)
    assert settings.stripe_webhook_secret == (new, MINE)
    shop = build(settings)
    await shop.open()
    try:
        async with client_at(shop) as client:
            assert [await _sent(client, each) for each in (*dead, MINE, new)] == [400, 400, 200, 200]
    finally:
        await shop.close()


@pytest.mark.parametrize('new_database', ['sqlite', 'postgresql'], indirect=True)
def test_an_undo_removes_secrets_that_the_ledger_keeps(
    environ: dict[str, str], sandbox: SandboxClient
) -> None:
    """The other settings stay there, and a set-up after it begins with them."""
    nothing = Path(os.devnull)
    set_up(environ, nothing, Operator(answers(sandbox)))
    before = read_kept_settings(environ['DATABASE_URL'])
    said = set_up(environ, nothing, Operator(), undo=True)
    after = read_kept_settings(environ['DATABASE_URL'])
    assert before.keys() - after.keys() == {*NAMES}
    assert {name: before[name] for name in after} == after
    assert said.count('was removed from the database of the shop. A running shop') == 2
    set_up(environ, nothing, Operator())
    assert (len(endpoints(sandbox)), len(subscriptions(sandbox))) == (1, 1)


def test_an_undo_names_a_secret_that_it_cannot_remove(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """The environment decides it, so it must be removed there; a set-up that was begun does not keep it."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    settings = load(environ, env_file)
    (secret,), (key,) = settings.stripe_webhook_secret, settings.calendly_webhook_signing_key
    fixed = {NAMES[0]: f'{MINE},{secret}', NAMES[1]: key}
    said = set_up(environ | fixed, env_file, Operator(), undo=True)
    for name, each in zip(NAMES, (secret, key), strict=True):
        assert f'{name} is set outside of this command' in said
        assert f'remove …{each[-4:]} there. A running shop accepts it' in said
    assert secret not in env_file.read_text()
    assert '…MINE' not in said


@pytest.mark.parametrize('elsewhere', ['STRIPE_API_BASE', 'CALENDLY_API_BASE'])
def test_what_is_in_another_account_is_named_and_stays_on_record(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, elsewhere: str
) -> None:
    """It is deleted once the key of its account is back; what could be deleted was."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    (endpoint,), (subscription,) = endpoints(sandbox), sandbox.state()['subscriptions']
    of_stripe = elsewhere == 'STRIPE_API_BASE'
    before, operator = load(environ, env_file), Operator()
    words = f'{endpoint["id"]}, made before, is not in this account and mode: delete it where it is'
    if not of_stripe:
        words = f'{subscription["uri"].rpartition("/")[2]}, made before, is not one of the user of this token'
    with running() as other:
        base = {elsewhere: other.settings()[elsewhere]}
        with pytest.raises(CommandRefused, match=words):
            set_up(environ | base, env_file, operator, undo=True)
    assert 'no webhook endpoints deleted' not in operator.text
    assert (len(endpoints(sandbox)), len(subscriptions(sandbox))) == (int(of_stripe), int(not of_stripe))
    after = load(environ, env_file)
    if of_stripe:
        assert after.stripe_webhook_secret == before.stripe_webhook_secret
        assert 'Stripe: 1 webhook endpoint deleted.' in set_up(environ, env_file, Operator(), undo=True)
    else:
        assert after.calendly_webhook_signing_key == before.calendly_webhook_signing_key
        assert 'subscription was deleted' in set_up(environ, env_file, Operator(), undo=True)
    assert (endpoints(sandbox), subscriptions(sandbox)) == ([], [])
    settings = load(environ, env_file)
    assert (settings.stripe_webhook_secret, settings.calendly_webhook_signing_key) == ((), ())


def test_the_secret_of_an_endpoint_that_a_set_up_replaces_leaves_the_settings(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """Here one that no longer gets every event; the operator's own secret stays."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    (secret,), (old,) = load(environ, env_file).stripe_webhook_secret, endpoints(sandbox)
    env_file.write_text(env_file.read_text().replace(secret, f'{MINE},{secret}'))
    url = f'{sandbox.settings["STRIPE_API_BASE"]}/v1/webhook_endpoints/{old["id"]}'
    with httpx.Client(auth=(sandbox.settings['STRIPE_SECRET_KEY'], ''), trust_env=False) as stripe:
        stripe.post(url, data={'enabled_events[0]': 'checkout.session.completed'}).raise_for_status()
    set_up(environ, env_file, Operator())
    (new,) = endpoints(sandbox)
    made = sandbox.state()['webhook_secrets'][new['id']]
    assert (new['id'] != old['id'], load(environ, env_file).stripe_webhook_secret) == (True, (made, MINE))


async def _sent(client: httpx.AsyncClient, secret: str) -> int:
    body = json.dumps({'id': 'evt_1', 'object': 'event', 'type': 'x', 'data': {'object': {}}}).encode()
    answer = await client.post('/webhooks/stripe', content=body, headers=signed(body, secret))
    return answer.status_code
