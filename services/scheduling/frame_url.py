"""The address of the calendar's frame on the page of a paid order."""

from urllib.parse import parse_qsl, quote, urlencode

from services.orders import Order


def frame_url(link: str, order: Order, *, host: str, accent: str, phone_answer: str) -> str:
    """Return a link, prefilled, with the order's booking key; its own query stays.

    Args:
        link: the order's single-use link, or the public address of the event type.
        order: a verified order.
        host: the shop's public host name and port; Calendly sends its messages there.
        accent: the shop's colour, such as ``#0b5d3b``, for buttons and links; '' leaves Calendly's own.
        phone_answer: the parameter of the question for a telephone number, '' where there is none.
    """
    base, _, query = link.partition('?')
    added = {
        'embed_type': 'Inline',
        'embed_domain': host,
        'name': order.facts.name,
        'email': order.email,
        'utm_content': order.booking_key,
    }
    if accent:
        added['primary_color'] = accent.removeprefix('#')
    if phone_answer:
        added[phone_answer] = order.facts.phone
    existing = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name not in added}
    pairs = existing | {name: value for name, value in added.items() if value}
    return f'{base}?{urlencode(pairs, quote_via=quote, safe="")}'
