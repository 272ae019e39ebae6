"""The model's part about refunds that the operator makes in the admin: each wish is carried out once."""

from collections import Counter
from typing import Any

from hypothesis import event
from hypothesis.stateful import rule
from hypothesis.strategies import booleans, integers, sampled_from

from services.admin import RefundReason
from services.ledger import EffectKind, EffectState
from services.money import Money
from services.orders import Order
from tests.services.model_of_links import LinkRules


class RefundRules(LinkRules):
    """The rules about wishes for refunds; `Model` has the shop, the sandbox and the helpers."""

    money_was_returned: bool

    def __init__(self) -> None:
        super().__init__()
        self.forms = 0

    @rule(
        which=integers(0, 3),
        amount=sampled_from([None, 5000]),
        clicks=integers(1, 2),
        again=booleans(),
        cancel=booleans(),
    )
    def operator_refunds(
        self, which: int, amount: int | None, clicks: int, again: bool, cancel: bool
    ) -> None:
        """The operator sends the form of a refund, once or twice, perhaps one of earlier."""
        orders = [order for order in self._run(self._orders()) if order.facts.payment_id]
        if not orders:
            return
        order = orders[which % len(orders)]
        self.forms += not again
        for _ in range(clicks):
            self._try(self._want(order, amount, f'form-{self.forms}', cancel=cancel))

    async def _want(self, order: Order, amount: int | None, form: str, *, cancel: bool) -> None:
        refunds = self.shop.actions.refunds
        current = await self.shop.ledger.orders.find(id=order.id)
        if current is None:
            return  # the ledger was restored
        left = await refunds.left(current)
        money = left if amount is None else Money(amount, left.currency)
        self.money_was_returned = True
        result = await refunds.request(
            current,
            form=form,
            amount=money,
            left=left,
            reason=RefundReason.REQUESTED,
            cancel=cancel,
            actor='admin',
        )
        event(f'a refund was wanted: {result}')

    def _check_wishes(self) -> None:
        """Check that each wish was carried out once, or refused and not carried out."""
        rows = [row for row in self._run(self._effects()) if row['kind'] == EffectKind.REFUND]
        refunds = [refund for refund in self.sandbox.state()['refunds'] if refund['metadata']]
        made = Counter(refund['metadata']['paidslot_refund'] for refund in refunds)
        failed = {each['metadata']['paidslot_refund'] for each in refunds if each['status'] == 'failed'}
        assert set(made.values()) <= {1}, 'a wish was carried out twice'
        if not self.restored:
            done = {row['target'] for row in rows if row['state'] == EffectState.DONE}
            assert set(made) - failed <= done <= set(made), 'the ledger does not know what was made'
        for row in rows:
            event(f'a wish for a refund ended {row["state"]}')

    def _orders(self) -> Any: ...
