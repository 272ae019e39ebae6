"""A customer who is to be forgotten, in tests: what is known of the person, and what is left."""

import json
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from services.database import schema
from services.ledger import Alert, Delivery, Source, UnmatchedReason
from services.orders import AlertKind, Cause, Order
from services.shop import Shop
from tests.factories import PAID, a_booking, an_order
from tests.services.conftest import Customer, fulfilled

EMAIL, NAME, PHONE = 'Renee.Roe@coach.test', 'Renée Roe', '+1 555 0100'
MONTHS = 18
LONG_AFTER = timedelta(days=31 * MONTHS + 40)
ACTOR = 'admin (203.0.113.7)'
MAIL = {
    'SMTP_URL': 'smtp://127.0.0.1:9',
    'MAIL_FROM': 'shop@coach.test',
    'OPERATOR_EMAIL': 'op@coach.test',
}


async def everything(shop: Shop) -> str:
    """Return every cell of every table, as one text."""
    cells: list[str] = []
    for table in schema.metadata.sorted_tables:
        cells += [str(tuple(row)) for row in await shop.ledger.store.read(select(table))]
    return '\n'.join(cells)


async def buy_and_book(customer: Customer) -> Order:
    """Let somebody pay, book, correct the address, and be written about everywhere."""
    shop, ledger = customer.shop, customer.shop.ledger
    order = await customer.buy(email=EMAIL, name=NAME)
    order = await fulfilled(customer, order)
    order = await shop.correct_email.correct(order, f'new-{EMAIL}', because=Cause.PAGE)
    booking = a_booking(
        invitee_id='https://api.calendly.com/scheduled_events/1/invitees/1',
        email=EMAIL,
        name=NAME,
        phone=PHONE,
        timezone='Europe/Paris',
        place='https://meet.example/renee',
        cancel_url='https://calendly.com/cancellations/1',
        reschedule_url='https://calendly.com/reschedulings/1',
    )
    await ledger.bookings.put(order, booking, because=Cause.WEBHOOK)
    other_length = replace(booking, invitee_id='longer', end=booking.end + timedelta(minutes=5))
    await ledger.bookings.put(order, other_length, because=Cause.WEBHOOK)
    current = await ledger.orders.find(id=order.id)
    assert current
    line = f'note: {NAME} called from {PHONE}'
    noted = await ledger.orders.move(current, because=Cause.OPERATOR, actor=ACTOR, line=line)
    assert noted
    await ledger.mails.report(Alert('told', AlertKind.MAIL, order.id, f'refused: <{EMAIL}> {NAME}'))
    return noted


async def traces_of_nobody(shop: Shop) -> None:
    """Write down what is known of the address beside the order."""
    ledger = shop.ledger
    booking = a_booking(invitee_id='unmatched', email=EMAIL.upper(), name=NAME)
    await ledger.unmatched.record_unmatched(booking, UnmatchedReason.NO_KEY, event_type='', handles=None)
    await ledger.mails.send_links(EMAIL.lower())
    payload = json.dumps({'payload': {'email': EMAIL, 'name': NAME}})
    delivery = Delivery(Source.CALENDLY, 'failed', 'invitee.created', payload)
    await ledger.deliveries.record(delivery)
    await ledger.deliveries.keep_error(delivery, 'not known yet')
    other = an_order(facts=replace(PAID, email='spouse@coach.test'), session_id='cs_test_other')
    await ledger.orders.add(other, because=Cause.BUTTON)
    await ledger.bookings.put(
        other, a_booking(invitee_id='of the spouse', email=EMAIL), because=Cause.WEBHOOK
    )


def words_left(text: str) -> list[str]:
    """Return what is left of the person in a text."""
    words = (
        EMAIL,
        NAME,
        PHONE,
        'Europe/Paris',
        'meet.example',
        'calendly.com/cancellations',
        'reschedulings',
    )
    return [word for word in (*words, 'new-renee') if word.lower() in text.lower()]
