"""Whatever happens, in any order: after it is reconciled the ledger agrees with Stripe."""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from services.ledger import connect
from tests.sandbox_client import SandboxClient
from tests.services.conftest import on_both_databases
from tests.services.model import Model

pytestmark = on_both_databases

EXAMPLES = int(os.environ.get('MODEL_EXAMPLES', '60'))  # of each database
STEPS = 14


def test_after_any_history_the_reconciled_ledger_agrees_with_stripe(
    sandbox: SandboxClient, settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clicks, payments, deliveries, faults, crashes, restores and rounds happen in any order."""

    class History(Model):
        ended = 0

        def teardown(self) -> None:  # compares ledger and Stripe
            super().teardown()
            History.ended += 1

    # Without the pauses between the retries of the SDK, which other tests cover, this test is faster.
    monkeypatch.setattr('stripe._http_client.HTTPClient.INITIAL_DELAY', 0)
    monkeypatch.setattr('stripe._http_client.HTTPClient.MAX_DELAY', 0)
    # A history of minutes runs within seconds; the limit of Calendly is another test.
    for name in ('MINUTE', 'LONGEST_PAUSE'):
        monkeypatch.setattr(f'services.scheduling.budget.{name}', 0)
    History.sandbox, History.environment = sandbox, settings_env | sandbox.mail_settings
    asyncio.run(_prepare(settings_env['DATABASE_URL']))
    run_settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(History, settings=run_settings)
    assert History.ended > 0


async def _prepare(database_url: str) -> None:
    store = connect(database_url)
    await store.open()
    await store.close()
