"""Which moves are told by mail, when nobody is reminded, and the words of each mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.ledger import Alert
from services.messages import Words
from services.orders import (
    AlertKind,
    Environment,
    Facts,
    MailKind,
    Order,
    after_the_night,
    alerts_after,
    mails_after,
)
from services.site import load
from tests.factories import NOON, PAID, a_booking, an_order
from tests.processes import ROOT

OPEN = an_order()
BOUGHT = an_order(facts=replace(PAID, email='pat@example.com', payment_id='pi_1'), completed_at=NOON)
SITE = load(ROOT / 'site.toml')
WORDS = Words(lambda: SITE, domain='https://coach.example', banner='', operator='operator@coach.example')


def with_facts(**facts: object) -> Order:
    """Return the paid order with other facts."""
    return replace(BOUGHT, facts=replace(BOUGHT.facts, **facts))  # type: ignore[arg-type]


PROCESSING = with_facts(payment_status='unpaid')
REVIEWED = with_facts(under_review=True)
REFUNDED = with_facts(amount_refunded=15000)
MISMATCH = with_facts(mismatch='amount')
DISPUTED = with_facts(amount_disputed=15000, dispute_status='needs_response')
FIRST = [MailKind.PAID, MailKind.REMINDER]
DAY = timedelta(hours=24)


@pytest.mark.parametrize(
    ('before', 'after', 'kinds'),
    [
        (OPEN, BOUGHT, FIRST),
        (OPEN, PROCESSING, []),
        (PROCESSING, BOUGHT, FIRST),
        (OPEN, REVIEWED, []),
        (REVIEWED, BOUGHT, FIRST),
        (OPEN, replace(BOUGHT, duplicate_of='WXYZ-6789'), [MailKind.PAID]),
        (BOUGHT, BOUGHT, []),
        (BOUGHT, with_facts(amount_refunded=5000), []),
        (BOUGHT, REFUNDED, [MailKind.REFUNDED]),
        (REFUNDED, REFUNDED, []),
        (BOUGHT, with_facts(amount_lost=15000, dispute_status='lost'), []),
        (OPEN, MISMATCH, [MailKind.MISMATCH]),
        (OPEN, replace(MISMATCH, facts=replace(MISMATCH.facts, payment_status='unpaid')), []),
        (OPEN, replace(OPEN, facts=Facts('expired')), []),
    ],
)
def test_each_move_is_told_as_it_should(before: Order, after: Order, kinds: list[MailKind]) -> None:
    """A customer hears of money that came or went back, and of nothing else."""
    assert [kind for kind, _ in mails_after(before, after, NOON, reminder_after=DAY)] == kinds


def test_the_reminder_is_due_a_day_later() -> None:
    """The other mails are due at once."""
    assert mails_after(OPEN, BOUGHT, NOON, reminder_after=DAY) == [
        (MailKind.PAID, NOON),
        (MailKind.REMINDER, NOON + timedelta(hours=24)),
    ]
    assert mails_after(OPEN, BOUGHT, NOON, reminder_after=None) == [(MailKind.PAID, NOON)]


def test_an_order_that_is_found_late_is_not_told() -> None:
    """A restored ledger mails nobody about payments of last week; a slow bank is not late."""
    late = NOON + timedelta(days=4)
    assert mails_after(OPEN, BOUGHT, late, reminder_after=DAY) == []
    assert alerts_after(OPEN, replace(BOUGHT, duplicate_of='WXYZ-6789'), late) == []
    assert len(mails_after(PROCESSING, BOUGHT, late, reminder_after=DAY)) == 2


@pytest.mark.parametrize(
    ('before', 'after', 'alerts'),
    [
        (OPEN, BOUGHT, []),
        (OPEN, replace(BOUGHT, duplicate_of='WXYZ-6789'), [AlertKind.DUPLICATE]),
        (BOUGHT, replace(BOUGHT, fraud_warning=True), [AlertKind.FRAUD_WARNING]),
        (BOUGHT, DISPUTED, [AlertKind.DISPUTE]),
        (DISPUTED, BOUGHT, []),
        (OPEN, MISMATCH, [AlertKind.MISMATCH]),
        (BOUGHT, REFUNDED, []),
    ],
)
def test_the_operator_is_called_where_a_hand_is_needed(
    before: Order, after: Order, alerts: list[AlertKind]
) -> None:
    """Not for what goes its way."""
    assert [kind for kind, _ in alerts_after(before, after, NOON)] == alerts


@pytest.mark.parametrize(
    ('before', 'after', 'keys'),
    [
        ('', 'du_1', ['dispute.du_1']),
        ('du_1', 'du_1', []),
        ('du_1', 'du_1,du_2', ['dispute.du_2']),
        ('du_1', 'du_2', ['dispute.du_2']),
        ('', 'unread', ['dispute']),
        ('unread', 'unread', []),
        ('unread', 'du_1', []),
        ('du_1', '', []),
    ],
)
def test_each_dispute_has_a_key_of_its_own(before: str, after: str, keys: list[str]) -> None:
    """One that the key may not read has the key of all such disputes."""

    def with_disputes(ids: str) -> Order:
        known = '' if ids == 'unread' else ids
        return with_facts(amount_disputed=5000 if ids else 0, open_disputes=known)

    alerts = alerts_after(with_disputes(before), with_disputes(after), NOON)
    assert alerts == [(AlertKind.DISPUTE, key) for key in keys]


@pytest.mark.parametrize(
    ('hour', 'morning'),
    [(7, (20, 8)), (8, None), (12, None), (20, None), (21, (21, 8)), (23, (21, 8)), (0, (20, 8))],
)
def test_nobody_is_reminded_at_night(hour: int, morning: tuple[int, int] | None) -> None:
    """Between nine in the evening and eight in the morning it waits for the morning, in that zone."""
    zone = ZoneInfo('Asia/Tokyo')
    time = datetime(2026, 11, 20, hour, 30, tzinfo=zone).astimezone(UTC)
    day, at = morning or (0, 0)
    expected = datetime(2026, 11, day, at, tzinfo=zone).astimezone(UTC) if morning else time
    assert after_the_night(time, zone) == expected


def test_the_words_follow_what_is_true_when_the_mail_is_sent() -> None:
    """Who has booked already is not told to pick a time; who paid nothing is not thanked for money."""
    assert WORDS.for_customer(MailKind.PAID, BOUGHT, []).subject == 'You have paid: pick your time'
    assert WORDS.for_customer(MailKind.PAID, BOUGHT, [a_booking()]).subject == 'Your payment has arrived'
    free = WORDS.for_customer(MailKind.PAID, with_facts(amount_total=0), [])
    assert 'payment of' not in ' '.join(free.text)
    refund = WORDS.for_customer(MailKind.REFUNDED, REFUNDED, [])
    assert ('Refunded', '$150') in refund.facts
    assert refund.button
    assert refund.button.url == 'https://coach.example/order/token'


def test_what_a_link_is_good_for_is_true() -> None:
    """The time of an order can be picked or changed while its payment stands, and not after a refund."""
    time, order = 'can pick or change the time', 'can see the order'
    assert time in WORDS.for_customer(MailKind.PAID, BOUGHT, []).closing[-1]
    assert order in WORDS.for_customer(MailKind.REFUNDED, REFUNDED, []).closing[-1]
    assert time in WORDS.links('links.1', 'pat@example.com', [REFUNDED, BOUGHT]).closing[-1]
    assert order in WORDS.links('links.2', 'pat@example.com', [REFUNDED]).closing[-1]
    assert f'{order}s' in WORDS.links('links.3', 'pat@example.com', [REFUNDED, REFUNDED]).closing[-1]
    changed = WORDS.address_changed('mail.1', MailKind.NEW_ADDRESS, 'pat@example.com', REFUNDED)
    assert order in changed.closing[-1]


@pytest.mark.parametrize('kind', list(AlertKind))
def test_each_alert_has_words_and_leads_to_the_payment(kind: AlertKind) -> None:
    """In test mode to the test payments, and in the demo nowhere; no mail to the operator opens an order."""
    alert = Alert('key', kind, 'o1', 'What happened')
    order = replace(DISPUTED, duplicate_of='WXYZ-6789')
    (note,) = WORDS.alerts('alerts.1', [(alert, order)]).notes
    assert note.title.endswith('order ABCD-2345')
    assert note.url == 'https://dashboard.stripe.com/test/payments/pi_1'
    assert '{' not in note.text
    live = replace(order, environment=Environment('live'))
    assert (
        WORDS.alerts('alerts.1', [(alert, live)]).notes[0].url == 'https://dashboard.stripe.com/payments/pi_1'
    )
    demo = replace(order, environment=Environment('demo'))
    assert WORDS.alerts('alerts.1', [(alert, demo)]).notes[0].url == ''
    assert (
        WORDS.alerts('alerts.1', [(alert, None)]).subject
        == WORDS.alerts('alerts.1', [(alert, None)]).notes[0].title
    )
    assert 'token' not in note.text + note.title


def test_an_alert_gives_times_in_the_zone_of_the_shop() -> None:
    """The ledger writes UTC; what the customer wrote is not touched, not even an impossible time."""
    name = 'Pat 2026-99-99 99:99 UTC 0001-01-01 00:00 UTC'
    text = f'2026-12-03 15:00 UTC, {name} <pat@example.com>: not paid'
    (note,) = WORDS.alerts('alerts.1', [(Alert('key', AlertKind.MEETING, None, text), None)]).notes
    assert note.text.startswith(
        f'Thursday, December 3, 2026, 10:00 AM Eastern Standard Time, {name} <pat@example.com>'
    )
