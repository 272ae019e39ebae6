"""An answer of a vendor that cannot be read reaches no message and no log: it may hold a secret."""

import os
import traceback
from pathlib import Path

import pytest

from services.check import check
from services.commands.refused import CommandRefused
from services.commands.rehearse import rehearse_at_vendors
from services.errors import ShopError
from services.rehearsal import Hop
from services.shop import Shop
from tests.sandbox_client import SandboxClient
from tests.services.set_up import Operator, answers, set_up

HIDDEN = 'shown-to-nobody'
BROKEN = f'{{"id": "we_1", "secret": "whsec_{HIDDEN}", "signing_key": "{HIDDEN}", "client_secret": "{HIDDEN}"'
"""JSON without its end, with a secret that no pattern of the log masks."""
NO_ERROR = f'{BROKEN}}}'
"""JSON, but not the object with which a vendor reports an error."""
ANSWERS = [(200, BROKEN), (400, BROKEN), (400, NO_ERROR), (500, NO_ERROR)]


def break_answers(sandbox: SandboxClient, match: str, status: int, body: str) -> None:
    """Let the matching requests be answered with a body that cannot be read."""
    sandbox.fault(match, 'body', status=status, message=body, times=None)


@pytest.mark.parametrize(('status', 'body'), ANSWERS)
@pytest.mark.parametrize('match', ['POST /v1/webhook_endpoints', 'POST /webhook_subscriptions', '*'])
def test_the_set_up_shows_none(
    environ: dict[str, str],
    env_file: Path,
    sandbox: SandboxClient,
    caplog: pytest.LogCaptureFixture,
    match: str,
    status: int,
    body: str,
) -> None:
    """Neither where a webhook is made, nor anywhere before."""
    operator = Operator(answers(sandbox))
    break_answers(sandbox, match, status, body)
    said = ''
    try:
        set_up(environ, env_file, operator)
    except (CommandRefused, AssertionError) as error:  # a step that is refused again and again
        said = ''.join(traceback.format_exception(error))
    said += operator.text + caplog.text
    assert 'cannot be read' in said or f'status {status}' in said
    assert HIDDEN not in said


@pytest.mark.parametrize(('status', 'body'), ANSWERS)
async def test_the_check_shows_none(
    shop: Shop,
    settings_env: dict[str, str],
    sandbox: SandboxClient,
    caplog: pytest.LogCaptureFixture,
    status: int,
    body: str,
) -> None:
    """Whatever is asked."""
    for match in ('*', 'GET /v1/prices/*', 'POST /v1/checkout/*', 'GET /v1/webhook_endpoints'):
        sandbox.clear_faults()
        break_answers(sandbox, match, status, body)
        found = await check(settings_env | {'ENV_FILE': os.devnull})
        said = ' '.join(f'{each.text} {each.remedy}' for each in found)
        assert match == 'GET /v1/webhook_endpoints' or 'cannot be read' in said
        assert HIDDEN not in said + caplog.text


@pytest.mark.parametrize(('status', 'body'), ANSWERS)
async def test_a_rehearsal_shows_none(
    shop: Shop, sandbox: SandboxClient, caplog: pytest.LogCaptureFixture, status: int, body: str
) -> None:
    """In no hop."""
    hops: list[Hop] = []
    break_answers(sandbox, '*', status, body)
    await rehearse_at_vendors(shop.settings, on_hop=hops.append)
    said = ' '.join(hop.why for hop in hops)
    assert 'cannot be read' in said
    assert HIDDEN not in said + caplog.text


@pytest.mark.parametrize(('status', 'body'), ANSWERS)
async def test_no_traceback_shows_one(shop: Shop, sandbox: SandboxClient, status: int, body: str) -> None:
    """An error that somebody logs with its causes."""
    break_answers(sandbox, '*', status, body)
    for request in (shop.payments.read_price('price_1'), shop.scheduling.scopes.whose_token()):
        with pytest.raises(ShopError) as caught:
            await request
        said = ''.join(traceback.format_exception(caught.value))
        assert 'cannot be read' in said or f'status {status}' in said
        assert HIDDEN not in said
