"""The health checks: what is wrong, what to do about it, and whether orders can still be taken."""

from services.catalog import Offer
from services.errors import OurFault
from services.health import Check, check_ledger, check_price, ready
from services.money import Money

OFFER = Offer('session', 'A session', 60, 1, 'price_1', Money(15_000, 'usd'))


async def _answer() -> None:
    """Answer like a database that works."""


async def _fail() -> None:
    """Fail like a database that does not."""
    raise OurFault('disk I/O error')


async def test_a_part_without_a_problem_needs_no_remedy() -> None:
    """A database that answers and a price that is known: no problem, no remedy, ready."""
    checks = [await check_ledger(_answer), await check_price(OFFER)]
    assert checks == [Check('ledger', critical=True), Check('price')]
    assert ready(checks)


async def test_a_silent_database_is_critical() -> None:
    """Without the database no order can be taken; the check names the error's id and what to do."""
    check = await check_ledger(_fail)
    assert check.problem.startswith('the database does not answer [error ')
    assert check.remedy
    assert not ready([check, await check_price(OFFER)])


async def test_an_unknown_price_is_not_critical() -> None:
    """An order reads the price again, so the shop stays ready; the check says what to look at."""
    check = await check_price(Offer('session', 'A session', 60, 1, 'price_1'))
    assert 'STRIPE_PRICE_ID' in check.remedy
    assert check.problem
    assert ready([check])
