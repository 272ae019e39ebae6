"""The operator in tests of the services: what he wants, and what became of it."""

import asyncio
from datetime import timedelta
from typing import Any

from services.admin import RefundReason, Result
from services.admin.attention_words import Action
from services.ledger import Effect, EffectKind
from services.ledger.effects import LONGEST_PAUSE
from services.ledger.matters import AttentionKind
from services.money import Money
from services.orders import Order, State
from services.sandbox.config import SandboxConfig
from services.shop import Shop
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer

ACTOR = 'admin (203.0.113.7)'
RESTRICTED = {'STRIPE_SECRET_KEY': SandboxConfig().restricted_key}
REFUND = 'POST /v1/refunds'


async def want_refund(
    shop: Shop, order: Order, amount: int | None = None, *, left: int | None = None, **how: Any
) -> Result:
    """Send the form of a refund; by default of all that is left, because the customer asked for it."""
    current = await shop.ledger.orders.find(id=order.id)
    assert current is not None
    seen = await shop.actions.refunds.left(current) if left is None else Money(left, order.paid.currency)
    wish: dict[str, Any] = {'form': 'form-1', 'reason': RefundReason.REQUESTED, 'cancel': True}
    money = seen if amount is None else Money(amount, order.paid.currency)
    return await shop.actions.refunds.request(order, amount=money, left=seen, actor=ACTOR, **(wish | how))


async def refund_of(shop: Shop, order: Order) -> Effect:
    """Return the only refund that was wanted of an order."""
    (effect,) = [each for each in await shop.ledger.effects.of(order.id) if each.kind is EffectKind.REFUND]
    return effect


async def carry_out(shop: Shop, clock: Clock | None = None, *, runs: int = 1) -> None:
    """Carry out what is due; with a clock, what failed is tried again after its pause."""
    for _ in range(runs):
        await shop.effects.run()
        if clock:
            clock.ahead += LONGEST_PAUSE + timedelta(seconds=1)


async def lines_of(shop: Shop, order: Order) -> list[str]:
    """Return the lines of an order's journal that the operator has caused."""
    lines = await shop.ledger.journal.lines(order.id)
    return [line.line for line in lines if line.actor == ACTOR]


async def act(sandbox: SandboxClient, action: str, **params: Any) -> dict[str, Any]:
    """Run an action in the sandbox while the shop of the test goes on."""
    return await asyncio.to_thread(sandbox.act, action, **params)


def refunds(customer: Customer) -> list[tuple[int, str]]:
    """Return the amount and status of every refund at Stripe, oldest first."""
    return [(each['amount'], each['status']) for each in customer.sandbox.state()['refunds']]


async def matters(shop: Shop) -> list[tuple[AttentionKind, str, Action]]:
    """Return what needs a hand, of which order, and what there is to do."""
    groups = (await shop.reads.attention.read(())).groups
    return [(each.kind, each.reference, each.action) for group in groups for each in group.items]


async def state_of(customer: Customer, order: Order) -> State:
    """Return the state of an order in the ledger."""
    return (await customer.order_of(order.session_id or '')).state
