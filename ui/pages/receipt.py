"""What stands at the end of the page of an order: the receipt, and how to keep the page."""

from urllib.parse import quote

from markupsafe import Markup

from services.money import Money
from services.orders import Booking, Order
from services.site import Business
from ui.components.builder import h, join
from ui.components.meetings import on_day, zone_of

KEEP = 'This link opens your order at any time, on any device. Whoever has it can see your order{}.'


def receipt(order: Order, bookings: tuple[Booking, ...], business: Business) -> Markup:
    """What was paid, to keep or print, and the links to the receipt and the invoice at Stripe."""
    facts = order.facts
    zone = zone_of(bookings[-1], business.zone) if bookings else business.zone
    lines = {
        'Session': order.purchase.title,
        'Paid': f'{order.paid}',
        'Refunded': f'{Money(facts.amount_refunded, order.paid.currency)}' if facts.amount_refunded else '',
        'On': on_day(order.completed_at, zone) if order.completed_at else '',
        'Order': order.reference,
        'Paid by': facts.email,
        'E-mail': order.contact_email,
        'Receipt e-mailed': f'number {facts.receipt_number}' if facts.receipt_number else '',
        'Sold by': business.name,
    }
    link = {'target': '_blank', 'rel': 'noopener noreferrer'}
    at_stripe = h('a', 'Open the receipt at Stripe', href=facts.receipt_url, **link)
    invoice = h('a', 'Open the invoice', href=f'/order/{order.token}/invoice', **link)
    links = [*([at_stripe] if facts.receipt_url else []), *([invoice] if facts.invoice_url else [])]
    return join(
        h(
            'dl',
            *(join(h('dt', name), h('dd', text)) for name, text in lines.items() if text),
            class_='receipt',
        ),
        h('p', *links, class_='links') if links else None,
    )


def keep(order: Order, domain: str) -> Markup:
    """How to come back to this page: its link, to copy or to send; without script."""
    url = f'{domain}/order/{order.token}'
    change = ' and change your session' if order.opens_calendar else ''
    subject, body = f'Order {order.reference}', f'{url}\n'
    mail = f'mailto:?subject={quote(subject)}&body={quote(body)}'
    return h(
        'section',
        h('h2', 'Keep this page'),
        h('p', KEEP.format(change), class_='quiet'),
        h('p', h('a', url, href=url), class_='address'),
        h('p', h('a', 'Send the link by e-mail', href=mail), class_='links'),
        class_='keep',
    )
