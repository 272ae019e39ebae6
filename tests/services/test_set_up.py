"""The set-up: every step is checked, can be repeated and broken off; nothing is made twice."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from services.commands import set_up as command
from services.commands.refused import CommandRefused
from services.ledger import read_kept_settings
from services.payments import RELEVANT
from services.set_up import Refused, Step, no_settings, opened
from services.settings import load
from services.shop import build
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.services.conftest import NewDatabase
from tests.services.set_up import (
    DOMAIN,
    HOOK,
    PASSWORD,
    TAKE,
    Operator,
    answers,
    endpoints,
    set_up,
    subscriptions,
)


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


def test_a_price_of_another_account_is_not_offered(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """It says that this account does not have it, and Enter does not take it."""
    env_file.write_text('STRIPE_PRICE_ID=price_of_another_account\n')
    operator = Operator(answers(sandbox))
    said = set_up(environ, env_file, operator)
    assert 'price_of_another_account of the settings is not among the one-time prices of this account' in said
    assert 'Number of the price []' in operator.said
    assert load(environ, env_file).stripe_price_id == sandbox.settings['STRIPE_PRICE_ID']


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
    assert 'will be deleted' in said
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
    assert 'Go on at its step "price"? A no forgets its answers.' in said


def test_the_file_of_the_ledger_is_private(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, new_database: NewDatabase
) -> None:
    """It will hold keys."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    file = Path(environ['DATABASE_URL'].removeprefix('sqlite:///'))
    assert file.stat().st_mode & 0o777 == 0o600


def test_ctrl_c_at_a_question_ends_it(environ: dict[str, str], env_file: Path) -> None:
    """At a question it ends at once, in words, with the exit code of what was not done."""
    command = [sys.executable, str(ROOT / 'main.py'), 'setup']
    settings = environ | {'ENV_FILE': str(env_file), 'PATH': os.environ['PATH']}
    piped: dict[str, Any] = dict.fromkeys(('stdin', 'stdout', 'stderr'), subprocess.PIPE)
    with subprocess.Popen(command, env=settings, cwd=env_file.parent, **piped) as process:
        assert process.stdout is not None
        said = b''
        while b'Secret or restricted key' not in said:
            part = os.read(process.stdout.fileno(), 4096)
            assert part, said
            said += part
        for _ in range(3):  # a signal just before the process waits for a line can be missed
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
                break
        said, problems = process.communicate()
    assert (process.returncode, problems) == (2, b'')
    assert b'you have stopped it; what was answered until now is kept' in said


def test_an_empty_answer_is_no_token(environ: dict[str, str], env_file: Path, sandbox: SandboxClient) -> None:
    """Who pastes nothing is asked again; only "none" does without."""
    said = set_up(environ, env_file, Operator(answers(sandbox), hesitates='Personal access token'))
    assert 'Type the token, or "none" to do without.' in said
    assert 'Calendly accepts the token.' in said


@pytest.mark.parametrize(('domain', 'is_said'), [(DOMAIN, True), ('http://localhost:3000', False)])
def test_a_test_sale_at_a_public_address_is_explained(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, domain: str, is_said: bool
) -> None:
    """It is paid and not booked, unless a setting allows that."""
    said = set_up(environ, env_file, Operator(answers(sandbox, Address=domain)))
    assert ('ALLOW_TEST_SALES=1 opens it' in said) is is_said
