"""Refunds from the admin that are refused: by the shop before it asks Stripe, or by Stripe."""

from collections.abc import AsyncIterator

import pytest

from services.admin import Result
from services.admin.attention_words import Action
from services.ledger import EffectState
from services.ledger.matters import AttentionKind
from services.orders import Order, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import SandboxClient
from tests.services.admin import (
    ACTOR,
    RESTRICTED,
    act,
    carry_out,
    lines_of,
    matters,
    refund_of,
    refunds,
    state_of,
    want_refund,
)
from tests.services.conftest import Clock, Customer, fulfilled
from tests.services.mailing import alerts_of


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """The settings of a shop that tells the operator by mail."""
    return settings_env | sandbox.mail_settings


@pytest.mark.parametrize(
    ('amount', 'left', 'result'),
    [
        (15001, 15000, Result.REFUND_TOO_MUCH),
        (0, 15000, Result.REFUND_TOO_MUCH),
        (5000, 14000, Result.REFUND_CHANGED),
    ],
)
async def test_a_wrong_amount_is_refused(
    customer: Customer, paid: Order, amount: int, left: int, result: Result
) -> None:
    """Nothing is written down."""
    assert await want_refund(customer.shop, paid, amount, left=left) is result
    assert await customer.shop.ledger.effects.of(paid.id) == ()


async def test_what_was_refunded_at_stripe_meanwhile_counts(customer: Customer, paid: Order) -> None:
    """The page was opened before: Stripe is asked when the form arrives."""
    await act(customer.sandbox, 'refund', session=paid.session_id, amount=12000)
    assert await want_refund(customer.shop, paid, 5000, left=15000) is Result.REFUND_CHANGED
    await act(customer.sandbox, 'refund', session=paid.session_id)
    assert await want_refund(customer.shop, paid, left=15000) is Result.REFUND_NOTHING


async def test_an_order_that_was_not_paid_has_nothing_to_refund(customer: Customer) -> None:
    """Neither an open one nor a bank debit that is under way."""
    order = await customer.order_of(await customer.start())
    assert await want_refund(customer.shop, order) is Result.REFUND_NOTHING
    slow = await fulfilled(customer, await customer.buy(method='bank'))
    assert await want_refund(customer.shop, slow) is Result.REFUND_NOTHING


async def test_somebody_else_was_faster(customer: Customer, paid: Order) -> None:
    """In the Dashboard, between the wish and its turn: it is refunded once, and no hand is needed."""
    await want_refund(customer.shop, paid)
    await act(customer.sandbox, 'refund', session=paid.session_id)
    await carry_out(customer.shop)
    assert refunds(customer) == [(15000, 'succeeded')]
    assert await state_of(customer, paid) is State.REFUNDED
    assert (await refund_of(customer.shop, paid)).state is EffectState.DROPPED
    assert 'already been refunded' in (await lines_of(customer.shop, paid))[-1]
    assert await alerts_of(customer.shop) == []


async def test_more_than_the_rest_is_refused_by_stripe_and_needs_a_hand(
    customer: Customer, paid: Order
) -> None:
    """A part was refunded in the Dashboard between the wish and its turn."""
    await want_refund(customer.shop, paid)
    await act(customer.sandbox, 'refund', session=paid.session_id, amount=100)
    await carry_out(customer.shop)
    assert refunds(customer) == [(100, 'succeeded')]
    effect = await refund_of(customer.shop, paid)
    assert (effect.state, 'greater than unrefunded amount' in effect.error) == (EffectState.REFUSED, True)
    assert await alerts_of(customer.shop) == ['effect']


async def test_a_disputed_payment_is_not_refunded(customer: Customer, paid: Order) -> None:
    """Stripe says so; after the dispute was won and the operator tries again, it still decides."""
    await want_refund(customer.shop, paid)
    await act(customer.sandbox, 'dispute', session=paid.session_id)
    await carry_out(customer.shop)
    effect = await refund_of(customer.shop, paid)
    assert (effect.state, 'charged back' in effect.error) == (EffectState.REFUSED, True)
    assert await state_of(customer, paid) is State.DISPUTED
    assert await alerts_of(customer.shop) == ['dispute', 'effect']
    assert refunds(customer) == []


@pytest.fixture
async def restricted(settings_env: dict[str, str], shop: Shop, clock: Clock) -> AsyncIterator[Shop]:
    """The same shop with a restricted key."""
    other = build(parse_settings(settings_env | RESTRICTED), clock=clock)
    await other.open()
    yield other
    await other.close()


async def test_a_key_without_the_right_is_named_and_the_shop_stays_ready(
    customer: Customer, paid: Order, restricted: Shop
) -> None:
    """The wish waits for a hand; once the key has the right, it is tried again."""
    customer.sandbox.act('key', missing_permissions=['charge_write'])
    await want_refund(restricted, paid)
    await carry_out(restricted)
    effect = await refund_of(restricted, paid)
    assert effect.state is EffectState.REFUSED
    lacks = 'the Stripe key lacks the permission "Charges and Refunds: Write" (rak_charge_write)'
    assert effect.error == lacks
    assert (await lines_of(restricted, paid))[-1] == f'no refund of $150: {effect.error}'
    assert await alerts_of(restricted) == ['effect']
    assert await matters(restricted) == [(AttentionKind.EFFECT, paid.reference, Action.OPEN)]
    assert [check.problem for check in await restricted.health() if check.name == 'stripe key'] == ['']
    customer.sandbox.act('key', missing_permissions=[])
    assert await restricted.actions.orders.retry_effect(paid, effect.id, actor=ACTOR) is Result.RETRIED
    assert await matters(restricted) == []
    await carry_out(restricted)
    assert refunds(customer) == [(15000, 'succeeded')]


async def test_a_revoked_key_is_no_refusal(customer: Customer, paid: Order, clock: Clock) -> None:
    """The wish waits until the operator has put in a new key."""
    await want_refund(customer.shop, paid)
    customer.sandbox.act('key', revoked=True)
    await carry_out(customer.shop, clock)
    assert (await refund_of(customer.shop, paid)).state is EffectState.WANTED
    customer.sandbox.act('key', revoked=False)
    await carry_out(customer.shop, clock)
    assert refunds(customer) == [(15000, 'succeeded')]
