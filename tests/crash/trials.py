"""Trials: a shop dies at one point of a customer's way, is started again, reconciles once, and is judged."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.crash.verdict import Tally, judge, look_at_pages
from tests.crash.ways import Stage, Way, come_back, press, promise

CHANCES = 4  # for the shop to come by a point; others may have done its work before


class End(enum.StrEnum):
    """What happens after the shop died and was started again."""

    GOES_ON = 'the customer goes on where they were'
    PRESSES = 'the customer presses again, and pays on every payment page there ever was'
    STAYS_AWAY = 'the customer never comes back'
    UNHEARD = 'nor does any delivery arrive any more'


@dataclass(frozen=True)
class Point:
    """A place to die at: the number of the step it is reached in, and its name."""

    step: int
    name: str


def points_of(way: Way, stage: Stage) -> list[Point]:
    """Go a way once without dying, and tell which points it passes, each in the last step it is passed in."""
    found: dict[str, Point] = {}
    with _deliveries(way, stage):
        stage.new_customer()
        stage.shop.await_round()  # what is done once on a new ledger has been done
        for number, step in enumerate(way.steps):
            before = len(stage.shop.trace())
            step(stage)
            names = dict.fromkeys(stage.shop.trace()[before:])
            found |= {name: Point(number, name) for name in names if name.partition(': ')[0] in way.endpoints}
    return list(found.values())


def die_at(point: Point, way: Way, stage: Stage, end: End) -> Tally | None:
    """Let the shop die at a point, start it again, reconcile once, and judge.

    Returns:
        What was found wrong, or None when the shop did not come by that point at all.
    """
    for _ in range(CHANCES):
        with _deliveries(way, stage):
            stage.new_customer()
            died_in = _walk(point, way, stage)
            if died_in is not None:
                _go_on(way, died_in, stage, end)
                return _judge(stage)
        stage.shop.kill()  # some points are passed once in the life of a process
        stage.shop.start()
    return None


def _walk(point: Point, way: Way, stage: Stage) -> int | None:
    """Take the steps until the shop dies; returns the step to be taken next, or None if it lives."""
    shop = stage.shop
    for number, step in enumerate(way.steps):
        if number == point.step:
            shop.doom(point.name)
        try:
            step(stage)
        except httpx.TransportError:
            shop.await_death()
            return number
        if not shop.is_running:
            return number + 1
    shop.spare()
    return None


def _go_on(way: Way, died_in: int, stage: Stage, end: End) -> None:
    """Start the shop again; customer, bank and vendor do what this end says."""
    if end is End.UNHEARD:
        stage.shop.move()
    stage.shop.start()
    if end is End.GOES_ON:
        for step in way.steps[died_in:]:
            step(stage)
    elif end is End.PRESSES:
        press(stage)
        stage.customer.pay('bank' if promise in way.steps else 'card')
        come_back(stage)
    stage.settle()


def _judge(stage: Stage) -> Tally:
    stage.shop.await_round()
    assert stage.shop.is_running, stage.shop.log()[-4000:]
    tally = judge(stage.books, stage.sandbox)
    new = [order for order in stage.books.orders() if order.id not in stage.looked_at]
    tally += look_at_pages(new, stage.shop.url)
    stage.looked_at.update(order.id for order in new)
    stage.send_deliveries_here()
    return tally


@contextmanager
def _deliveries(way: Way, stage: Stage) -> Iterator[None]:
    if not way.told:
        stage.sandbox.fault('webhook *', 'lose', times=None)
    yield
    stage.sandbox.clear_faults()
