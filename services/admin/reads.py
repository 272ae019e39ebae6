"""What the admin's pages read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.admin.attention import AttentionReader
from services.admin.order import DetailsReader
from services.admin.orders import OrderList
from services.admin.overview import OverviewReader
from services.ledger import Ledger
from services.orders import Environment


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
        *,
        environment: Callable[[], Environment],
        bookings_known: Callable[[], bool],
        zone: tzinfo,
        domain: str,
        clock: Callable[[], datetime],
    ) -> 'Reads':
        """Make them.

        Args:
            ledger: where everything is read.
            environment: where the shop sells.
            bookings_known: whether the shop learns of bookings.
            zone: the time zone of the shop.
            domain: the shop's address.
            clock: the present time in UTC.
        """
        attention = AttentionReader(ledger, environment=environment, bookings_known=bookings_known)
        return cls(
            orders=OrderList(ledger, environment=environment, bookings_known=bookings_known, zone=zone),
            details=DetailsReader(
                ledger, zone=zone, domain=domain, bookings_known=bookings_known, clock=clock
            ),
            attention=attention,
            overview=OverviewReader(ledger, attention, environment=environment, zone=zone, clock=clock),
        )
