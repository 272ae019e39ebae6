"""Correcting the e-mail address of an order: by whoever holds its link, once an hour, or by the operator."""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.errors import CorrectedJustNow, InvalidEmail, OurFault
from services.ledger import Ledger
from services.orders import Cause, Order, parse_email

PAUSE = timedelta(hours=1)  # between two corrections of one order
TRIES = 8
CUSTOMER = 'customer'


class CorrectEmail:
    """Writes corrections down; the mails to the old and the new address are written in the same move."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], datetime]) -> None:
        """Make it.

        Args:
            ledger: keeps the corrected address.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._clock = clock

    async def correct(self, order: Order, typed: str, *, because: Cause, actor: str = CUSTOMER) -> Order:
        """Have the mail of an order go to another address; the address that it goes to already is no change.

        Args:
            order: an order that was completed.
            typed: the address as the customer has typed it.
            because: where it was typed: page or form, or by the operator.
            actor: the person who has typed it; only a customer must wait between two corrections.

        Raises:
            InvalidEmail: it is no e-mail address.
            CorrectedJustNow: another correction was made less than an hour ago.
        """
        try:
            email = parse_email(typed)
        except ValueError as error:
            raise InvalidEmail from error
        for _ in range(TRIES):
            now, current = self._clock(), await self._ledger.orders.find(id=order.id)
            if current is None or current.forgotten_at:
                break
            if email.lower() == current.email.lower():
                return current
            is_soon = current.contact_email_at and now - current.contact_email_at < PAUSE
            if is_soon and actor == CUSTOMER:
                raise CorrectedJustNow
            moved = await self._ledger.orders.move(
                current,
                because=because,
                actor=actor,
                line=f'e-mail address corrected from {current.email or "none"} to {email}',
                contact_email=email,
                contact_email_at=now,
            )
            if moved:
                return moved
        raise OurFault(f'{TRIES} conflicts in a row, or the order is gone')
