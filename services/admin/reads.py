"""What the admin's pages read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from services.admin.attention import AttentionReader
from services.admin.order import DetailsReader
from services.admin.orders import OrderList
from services.admin.overview import OverviewReader
from services.ledger import Ledger
from services.orders import Environment
from services.payments import Payments
from services.reconciler import BookingReader
from services.settings import Settings


@dataclass(frozen=True)
class Reads:
    """The readers of the admin's pages, all on one ledger."""

    orders: OrderList
    details: DetailsReader
    attention: AttentionReader
    overview: OverviewReader

    @classmethod
    def of(
        cls,
        ledger: Ledger,
        payments: Payments,
        booking_reader: BookingReader,
        settings: Settings,
        *,
        zone: Callable[[], tzinfo],
        clock: Callable[[], datetime],
    ) -> 'Reads':
        """Make them.

        Args:
            ledger: where everything is read.
            payments: knows the environment in which the shop sells.
            booking_reader: knows whether bookings are read from Calendly.
            settings: say whether bookings are delivered, and the address of the shop.
            zone: returns the time zone of the shop.
            clock: the present time in UTC.
        """

        def environment() -> Environment:
            return payments.environment

        def bookings_known() -> bool:
            return bool(settings.calendly_webhook_signing_key) or booking_reader.is_current

        shared: dict[str, Any] = {'bookings_known': bookings_known}
        attention = AttentionReader(ledger, environment=environment, **shared)
        return cls(
            orders=OrderList(ledger, environment=environment, zone=zone, **shared),
            details=DetailsReader(ledger, zone=zone, domain=settings.domain, clock=clock, **shared),
            attention=attention,
            overview=OverviewReader(ledger, attention, environment=environment, zone=zone, clock=clock),
        )
