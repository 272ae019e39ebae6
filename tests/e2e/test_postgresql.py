"""Two processes share one PostgreSQL database. This needs no browser."""

import httpx
import psycopg

from tests.e2e import journey
from tests.e2e.journey import StartShop
from tests.postgres import Cluster
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

LEDGER = """
    SELECT payment_status, amount_total, email, booking_key,
           (SELECT count(*) FROM bookings WHERE order_id = orders.id AND state = 'active'),
           (SELECT count(*) FROM deliveries WHERE handled_at IS NOT NULL AND error = '')
    FROM orders
"""


def test_a_second_process_takes_over(
    start_shop: StartShop, sandbox: SandboxClient, postgres_server: Cluster
) -> None:
    """The first process is killed before the customer pays; the second one records payment and booking."""
    with postgres_server.database() as url, psycopg.connect(url, autocommit=True) as ledger:
        first, second = (start_shop({'DATABASE_URL': url}) for _ in range(2))
        journey.wait_for_price(second)
        session = httpx.post(f'{first.url}/api/create-checkout-session').json()['id']
        first.kill()
        sandbox.pay(session, email=journey.EMAIL)

        def row_of_order() -> tuple[object, ...]:
            (row,) = ledger.execute(LEDGER)
            return row

        wait_until(lambda: row_of_order()[0] == 'paid', seconds=15, why='the payment is in the ledger')
        page = httpx.get(f'{second.url}/success?session_id={session}', follow_redirects=True)
        assert page.status_code == 200
        sandbox.book(
            f'{sandbox.calendly_link}?utm_content={row_of_order()[3]}', email=journey.EMAIL, name=journey.NAME
        )
        wait_until(lambda: row_of_order()[4:] == (1, 2), seconds=15, why='the booking is in the ledger')
        assert row_of_order()[:3] == ('paid', 15000, journey.EMAIL)
