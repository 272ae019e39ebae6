"""A shop that is killed: the short form of ``python -m tests.crash``, which kills it everywhere."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle

import pytest

from services.orders import Facts
from tests.crash.customers import Customer
from tests.crash.runs import Stand, at_point, at_random, stand
from tests.crash.trials import End, points_of
from tests.crash.verdict import Tally, judge, look_at_pages
from tests.crash.ways import WAYS
from tests.processes import free_port

MAIN = (
    'button: after asking: POST /v1/checkout/sessions',
    'button: after commit: payment session opened',
    'webhook: after commit: delivery noted checkout.session.completed',
    'webhook: before commit: open → paid',
    'webhook: after commit: open → paid',
    'order page: after asking: POST /scheduling_links',
)


@pytest.fixture(scope='module')
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Run the sandbox, and what starts shops."""
    folder = tmp_path_factory.mktemp('crash')
    with stand(folder, ports=(free_port(), free_port(), free_port())) as place:
        yield place


def test_a_shop_killed_on_the_way_loses_no_payment_and_doubles_none(place: Stand) -> None:
    """Whatever the customer does after a kill at a main point, one reconcile puts everything right."""
    way, ends = WAYS[0], cycle(End)
    with place.stage('card') as stage:
        points = {point.name: point for point in points_of(way, stage)}
        rows = [at_point(points[name], way, stage, [next(ends)]) for name in MAIN]

    assert [(row.point, row.kills, row.tally) for row in rows] == [(name, 1, Tally()) for name in MAIN]


def test_a_shop_killed_at_random_under_load_loses_no_payment_and_doubles_none(place: Stand) -> None:
    """Customers who come all at once find the shop dead now and then; one reconcile puts everything right."""
    assert at_random(place, kills=3, seed=7).tally == Tally()


def test_the_verdict_sees_what_is_wrong(place: Stand) -> None:
    """A payment nobody reconciled is lost, two of one browser are doubled, a page judged wrongly is wrong."""
    with place.stage('verdict') as stage:
        customer = Customer(stage.shop, stage.sandbox)
        customer.press()
        stage.shop.kill()
        customer.pay()
        assert len(judge(stage.books, stage.sandbox).lost) == 1
        stage.shop.start()
        stage.shop.await_round()
        assert judge(stage.books, stage.sandbox) == Tally()

        (order,) = stage.books.orders()
        assert look_at_pages([order], stage.shop.url) == Tally()
        assert len(look_at_pages([replace(order, facts=Facts())], stage.shop.url).pages) == 1

        assert customer.press(again=True) == ''
        customer.pay()
        stage.shop.await_round()
        assert judge(stage.books, stage.sandbox) == Tally(doubled=['a browser paid 2 times'])
