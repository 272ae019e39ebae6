"""The forms of the admin that do something: each posts to one path here and leads back to a page.

`ORDER_FORMS` and `OTHER_FORMS` list them with their fields. Every form is made by `action_form`, which adds
``token`` and ``form``. The answer leads to the page of the order, or to the first page, with ``?result=`` and
the value of a `Result`. `result_in` reads it there; no other text is taken from the URL.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from fastapi import Request, Response

from services.admin import RefundReason, Result, SignedIn
from services.admin.actions import Source, UnmatchedReason
from services.errors import ShopError, reported
from services.money import Money, parse_amount
from services.orders import Order
from services.shop import Shop
from ui.admin.access import HOME, Form, admin_post, see_other
from ui.admin.forms import FORM_ID

RESULT = 'result'
YES = 'yes'  # what a ticked box sends


@dataclass(frozen=True)
class OrderForm:
    """A form about one order, at ``/admin/orders/<reference>/<path>``; ``fields`` says what each field is."""

    path: str
    meaning: str
    act: Callable[[Shop, Order, Form, str], Awaitable[Result]]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OtherForm:
    """A form that is about no order, or names one itself, at ``/admin/<path>``."""

    path: str
    meaning: str
    act: Callable[[Shop, Form, str], Awaitable[Result]]
    fields: Mapping[str, str] = field(default_factory=dict)


def register(shop: Shop) -> None:
    """Register the path of each form."""
    for order_form in ORDER_FORMS:
        _register_order_form(shop, order_form)
    for other_form in OTHER_FORMS:
        _register_other_form(shop, other_form)


def order_path(reference: str, action: str = '') -> str:
    """Return the path of the page of an order, or of one of its forms."""
    return f'{HOME}/orders/{reference}/{action}'.rstrip('/')


def result_in(request: Request) -> Result | None:
    """Return what became of the action that led to a page; None where none did."""
    value = request.query_params.get(RESULT, '')
    return Result(value) if value in Result.__members__.values() else None


async def check(shop: Shop, order: Order, _form: Form, actor: str) -> Result:
    """Read the payment and the bookings again."""
    return await shop.actions.orders.check(order, actor=actor)


async def mail_link(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Mail the link of the order to the customer."""
    return await shop.actions.orders.mail_link(order, form=form[FORM_ID], actor=actor)


async def renew_calendar_link(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Replace the unused calendar link."""
    old_link = form.get('old_link', '')
    return await shop.actions.orders.renew_calendar_link(order, old_link=old_link, actor=actor)


async def correct_email(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Have the mail of the order go to another address."""
    return await shop.actions.orders.correct_email(order, form.get('email', ''), actor=actor)


async def refund(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Refund all or a part of what is left of the payment."""
    currency, left = order.paid.currency, form.get('left', '')
    if not (left.isascii() and left.isdecimal()):
        return Result.BAD_FORM
    if form.get('reason') not in RefundReason.__members__.values():
        return Result.NO_REASON
    seen = Money(int(left), currency)
    try:
        amount = parse_amount(form['amount'], currency) if 'amount' in form else seen
    except ValueError:
        return Result.NO_AMOUNT
    return await shop.actions.refunds.request(
        order,
        form=form[FORM_ID],
        amount=amount,
        left=seen,
        reason=RefundReason(form['reason']),
        cancel=form.get('cancel') == YES,
        blocks_customer=form.get('blocks_customer') == YES,
        actor=actor,
    )


async def cancel_booking(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Cancel a coming meeting of the order."""
    words = form.get('words', '')
    return await shop.actions.meetings.cancel(order, form.get('invitee_id', ''), words=words, actor=actor)


async def attach(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Give a booking of no order to this one."""
    return await shop.actions.meetings.attach(order, form.get('invitee_id', ''), actor=actor)


async def detach(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Take a booking away from the order."""
    return await shop.actions.meetings.detach(order, form.get('invitee_id', ''), actor=actor)


async def mark_duplicate(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Decide whether the order repeats another payment."""
    original = form.get('original', '').strip().upper()
    return await shop.actions.orders.mark_duplicate(order, original, actor=actor)


async def note(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Write a note into the journal."""
    return await shop.actions.orders.note(order, form.get('text', ''), actor=actor)


async def retry_effect(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Try something once more that was refused or given up elsewhere."""
    effect = form.get('effect', '')
    if not (effect.isascii() and effect.isdecimal()):
        return Result.BAD_FORM
    return await shop.actions.orders.retry_effect(order, int(effect), actor=actor)


async def retry_mail(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Send a mail after all that failed."""
    return await shop.actions.orders.retry_mail(order, form.get('mail', ''), actor=actor)


async def draft_evidence(shop: Shop, order: Order, form: Form, actor: str) -> Result:
    """Write the evidence into the dispute, without submitting it."""
    return await shop.actions.evidence.request_draft(order, form=form[FORM_ID], actor=actor)


async def mark_handled(shop: Shop, form: Form, actor: str) -> Result:
    """Mark an unmatched booking as handled."""
    reason = form.get('reason', '')
    if reason not in UnmatchedReason.__members__.values():
        return Result.BAD_FORM
    return await shop.actions.meetings.mark_handled(
        form.get('invitee_id', ''), UnmatchedReason(reason), note=form.get('note', ''), actor=actor
    )


async def attach_to(shop: Shop, form: Form, actor: str) -> Result:
    """Give a booking of no order to the order with a reference."""
    order = await _find(shop, form.get('reference', '').strip().upper())
    return await attach(shop, order, form, actor) if order else Result.UNKNOWN


async def retry_delivery(shop: Shop, form: Form, actor: str) -> Result:
    """Process a delivery once more that failed."""
    source = form.get('source', '')
    if source not in Source.__members__.values():
        return Result.BAD_FORM
    event_id = form.get('event_id', '')
    return await shop.actions.orders.retry_delivery(Source(source), event_id, actor=actor)


INVITEE = {'invitee_id': "Calendly's id of the booking"}
ORDER_FORMS = (
    OrderForm('check', 'Check again at Stripe and Calendly', check),
    OrderForm('mail-link', 'Mail the link', mail_link),
    OrderForm(
        'calendar-link',
        'New calendar link',
        renew_calendar_link,
        {'old_link': '``calendar_url`` of the order as the page shows it; empty where there is none'},
    ),
    OrderForm('email', 'Correct the e-mail address', correct_email, {'email': 'the address'}),
    OrderForm(
        'refund',
        'Refund in full or in part',
        refund,
        {
            'amount': 'in the main unit, such as 49.50; empty for all that is left',
            'left': 'what `shop.actions.refunds.left` says, in minor units: a changed one refuses the form',
            'reason': 'a `RefundReason`; the page must not choose ``fraudulent``',
            'cancel': '"yes": the coming meetings are canceled too',
            'blocks_customer': '"yes": the consequence of ``fraudulent`` was read and is wanted',
        },
    ),
    OrderForm(
        'cancel-booking',
        'Cancel a booking',
        cancel_booking,
        INVITEE | {'words': 'for the customer; empty for the usual ones'},
    ),
    OrderForm('attach', 'Attach an unmatched booking', attach, INVITEE),
    OrderForm('detach', 'Detach a booking', detach, INVITEE),
    OrderForm(
        'duplicate',
        'Mark as a duplicate, or not',
        mark_duplicate,
        {'original': 'the reference of the order that it repeats; empty for none'},
    ),
    OrderForm('note', 'Note to self', note, {'text': 'the note'}),
    OrderForm('retry-effect', 'Try an effect again', retry_effect, {'effect': 'its id'}),
    OrderForm('retry-mail', 'Try a mail again', retry_mail, {'mail': 'its id'}),
    OrderForm('evidence', "Draft the evidence in Stripe's dispute", draft_evidence),
)
OTHER_FORMS = (
    OtherForm(
        'unmatched/handled',
        'Mark an unmatched booking as handled',
        mark_handled,
        INVITEE | {'reason': 'an `UnmatchedReason`', 'note': 'how it was handled'},
    ),
    OtherForm(
        'unmatched/attach',
        'Attach an unmatched booking to an order',
        attach_to,
        INVITEE | {'reference': 'of the order'},
    ),
    OtherForm(
        'deliveries/retry',
        'Try a failed delivery again',
        retry_delivery,
        {'source': 'stripe or calendly', 'event_id': "the sender's id of it"},
    ),
)


def _register_order_form(shop: Shop, form: OrderForm) -> None:
    @admin_post(f'{HOME}/orders/{{reference}}/{form.path}', shop)
    async def act(request: Request, signed_in: SignedIn, fields: Form) -> Response:
        order = await _find(shop, request.path_params['reference'])
        if order is None:
            return _lead_to(HOME, Result.UNKNOWN)
        if FORM_ID not in fields:
            return _lead_to(order_path(order.reference), Result.BAD_FORM)
        doing = form.act(shop, order, fields, signed_in.actor)
        return _lead_to(order_path(order.reference), await _result_of(form.path, doing))


def _register_other_form(shop: Shop, form: OtherForm) -> None:
    @admin_post(f'{HOME}/{form.path}', shop)
    async def act(_request: Request, signed_in: SignedIn, fields: Form) -> Response:
        return _lead_to(HOME, await _result_of(form.path, form.act(shop, fields, signed_in.actor)))


async def _result_of(path: str, doing: Awaitable[Result]) -> Result:
    """Wait for an action; whatever fails is logged with its id, and the page says that it failed."""
    try:
        with reported(f'the action {path}'):
            return await doing
    except ShopError:
        return Result.FAILED


async def _find(shop: Shop, reference: str) -> Order | None:
    return await shop.ledger.orders.find(reference=reference) if reference else None


def _lead_to(path: str, result: Result) -> Response:
    return see_other(f'{path}?{RESULT}={result}')
