"""A shop that is killed: the short form of ``python -m tests.crash``, which kills it at every kill point."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle

import httpx
import pytest

from services.orders import Facts
from tests.crash.checks import Findings, check_effects, check_pages, check_payments, check_refunds
from tests.crash.customer import Customer
from tests.crash.harness import Harness, start_harness
from tests.crash.kill_points import MAIL_ACCEPTED, MAIL_BEGINS, MAIL_MARKED
from tests.crash.kills import AfterRestart, find_kill_points
from tests.crash.runs import kill_at, kill_at_random
from tests.crash.scenarios import SCENARIOS
from tests.processes import free_port

MAIN_POINTS = (
    'button: after response: POST /v1/checkout/sessions',
    'button: after commit: payment session opened',
    'webhook: after commit: delivery recorded checkout.session.completed',
    'webhook: before commit: open → paid',
    'webhook: after commit: open → paid',
    'order page: after response: POST /shares',
)
POINTS_OF_REFUNDS = (
    'webhook: after commit: paid → refunded',
    'effects: after commit: claim',
    'effects: after response: POST /scheduled_events/…/cancellation',
    'effects: after commit: put',
    'effects: after response: DELETE /shares/…',
)


POINTS_OF_THE_OPERATOR = (
    'admin: after commit: refund of $150 wanted, requested_by_customer; the booking is canceled too',
    'effects: before request: POST /v1/refunds',
    'effects: after response: POST /v1/refunds',
    'effects: before commit: refund of $150 made: succeeded (re_…)',
)


@pytest.fixture(scope='module')
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """Run the sandbox and the launcher of shops."""
    folder = tmp_path_factory.mktemp('crash')
    with start_harness(folder, ports=(free_port(), free_port(), free_port())) as harness:
        yield harness


def test_a_shop_killed_at_a_main_point_loses_and_duplicates_no_payment(harness: Harness) -> None:
    """Whatever the customer does after a kill at a main point, one round of the reconciler is enough."""
    scenario, afters = SCENARIOS[0], cycle(AfterRestart)
    with harness.new_shop('card') as context:
        points = {point.name: point for point in find_kill_points(scenario, context)}
        rows = [kill_at(points[name], scenario, context, [next(afters)]) for name in MAIN_POINTS]

    assert [(row.point, row.kills, row.findings) for row in rows] == [
        (name, 1, Findings()) for name in MAIN_POINTS
    ]


def test_a_shop_killed_around_a_mail_loses_none_and_repeats_one_at_most(harness: Harness) -> None:
    """A mail that was accepted and not marked is the one that goes out again, with the same Message-ID."""
    scenario = next(each for each in SCENARIOS if each.name == 'the mail')
    with harness.new_shop('mail') as context:
        points = find_kill_points(scenario, context)
        rows = [kill_at(point, scenario, context, [AfterRestart.STAYS_AWAY]) for point in points]
        ids = Counter(mail['headers']['Message-ID'] for mail in context.sandbox.mails())

    assert {MAIL_BEGINS, MAIL_ACCEPTED, f'mail: before commit: {MAIL_MARKED}'} <= {row.point for row in rows}
    assert [(row.point, row.kills, row.findings) for row in rows] == [
        (point.name, 1, Findings()) for point in points
    ]
    assert sorted(ids.values())[-3:] == [1, 2, 2]  # one for each of the last two points above


def test_a_shop_killed_while_it_takes_things_back_cancels_and_deletes_once(harness: Harness) -> None:
    """The meeting of a refunded order is canceled and its link deleted, whatever the process has seen."""
    scenario = next(each for each in SCENARIOS if each.name == 'booked and refunded')
    with harness.new_shop('refunds') as context:
        points = {point.name: point for point in find_kill_points(scenario, context)}
        afters = [AfterRestart.STAYS_AWAY]
        rows = [kill_at(points[name], scenario, context, afters) for name in POINTS_OF_REFUNDS]

    assert [(row.point, row.kills, row.findings) for row in rows] == [
        (name, 1, Findings()) for name in POINTS_OF_REFUNDS
    ]


def test_a_shop_killed_while_the_operator_refunds_refunds_once(harness: Harness) -> None:
    """Nothing is refunded twice and nothing is lost, also if the operator sends the form once more."""
    scenario = next(each for each in SCENARIOS if each.name == 'refunded in the admin')
    afters = cycle((AfterRestart.CONTINUES, AfterRestart.STAYS_AWAY))
    with harness.new_shop('operator') as context:
        points = {point.name: point for point in find_kill_points(scenario, context)}
        rows = [kill_at(points[name], scenario, context, [next(afters)]) for name in POINTS_OF_THE_OPERATOR]

    assert [(row.point, row.kills, row.findings) for row in rows] == [
        (name, 1, Findings()) for name in POINTS_OF_THE_OPERATOR
    ]


def test_a_shop_killed_at_random_under_load_loses_and_duplicates_no_payment(harness: Harness) -> None:
    """Several customers buy at once while the shop is killed; one round of the reconciler is enough."""
    assert kill_at_random(harness, kills=3, seed=7).findings == Findings()


def test_the_checks_find_what_is_wrong(harness: Harness) -> None:
    """The checks find a payment that is not in the ledger, two by one browser, and a wrong page."""
    with harness.new_shop('checks') as context:
        customer = Customer(context.shop, context.sandbox)
        customer.press()
        context.shop.kill()
        customer.pay()
        assert len(check_payments(context.ledger, context.sandbox).lost) == 1
        context.shop.start()
        context.shop.wait_for_round()
        assert check_payments(context.ledger, context.sandbox) == Findings()

        (order,) = context.ledger.orders()
        assert check_pages([order], context.shop.url) == Findings()
        assert check_refunds(context.ledger, context.sandbox) == Findings()
        assert len(check_pages([replace(order, facts=Facts())], context.shop.url).wrong_pages) == 1

        customer.return_from_stripe()
        customer.wait_for_calendar()
        (order,) = context.ledger.orders()
        context.sandbox.book(
            f'{order.calendar_url}?utm_content={order.booking_key}', name='A', email='a@b.co'
        )
        assert check_effects(context.ledger, context.sandbox) == Findings()
        invitee = context.sandbox.state()['invitees'][0]['uri']
        context.sandbox.act('cancel', invitee=invitee, by='host')
        assert len(check_effects(context.ledger, context.sandbox).lost) == 1
        assert customer.press(again=True) == ''
        customer.pay()
        context.shop.wait_for_round()
        assert check_payments(context.ledger, context.sandbox) == Findings(
            duplicated=['a browser paid 2 times']
        )
        refund = {'payment_intent': order.facts.payment_id, 'amount': '100', 'metadata[paidslot_refund]': 'x'}
        key = context.sandbox.settings['STRIPE_SECRET_KEY']
        made = httpx.post(f'{context.sandbox.base}/stripe/v1/refunds', data=refund, auth=(key, ''))
        assert made.is_success, made.text
        assert len(check_refunds(context.ledger, context.sandbox).duplicated) == 1
