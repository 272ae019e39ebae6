"""Whatever happens, in whatever order: after one reconcile the ledger says what Stripe says."""

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

EXAMPLES = int(os.environ.get('MODEL_EXAMPLES', '100'))  # of each database
STEPS = 14


def test_any_interleaving_ends_in_the_same_ledger(
    sandbox: SandboxClient, settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clicks, payments, deliveries, losses, crashes, restores and repairs, mixed at will."""

    class Story(Model):
        pass

    # The pauses between two tries of the SDK are tested elsewhere; here they would only take time.
    monkeypatch.setattr('stripe._http_client.HTTPClient.INITIAL_DELAY', 0)
    monkeypatch.setattr('stripe._http_client.HTTPClient.MAX_DELAY', 0)
    Story.sandbox, Story.environment = sandbox, settings_env
    asyncio.run(_prepare(settings_env['DATABASE_URL']))
    how = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(Story, settings=how)


async def _prepare(database_url: str) -> None:
    store = connect(database_url)
    await store.open()
    await store.close()
