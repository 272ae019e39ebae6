"""The form on the page of an order that corrects its e-mail address.

It is a plain form in every browser. A page that is connected names itself in it: then the answer is 204,
which leaves the page and the calendar in it as they are, and the result is shown over the websocket.
"""

from fastapi import Response
from markupsafe import Markup
from nicegui import ui

from services.orders import Order
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.documents import plain_page
from ui.components.elements import Static
from ui.pages.forms import email_field
from ui.pages.order_urls import PRIVATE

WRONG = 'Wrong e-mail address?'
WHAT_FOR = 'The calendar is filled in with it, and we write to it about this order.'
BOTH = ' We tell both addresses by mail. A link that we mailed to the earlier one still opens this order.'
STRIPES = ' The receipt at Stripe keeps the address you paid with.'
ERROR = 'email-error'  # the id of the words about a wrong address


class EmailForm:
    """The form, closed until somebody opens it, and the result above it; the form itself never changes."""

    def __init__(self, shop: Shop, order: Order) -> None:
        with ui.element('div').classes('correct') as self._element:
            self._result = Static(Markup(''), role='status').classes('alert calm')
            self._problem = Static(Markup(''), role='alert').classes('alert')
            form = _form(shop, order, page=self._element.client.id)
            Static(join(h('summary', WRONG), h('div', form)), 'details')

    def show(self, words: Markup) -> None:
        """Show that the address was corrected."""
        self._problem.show(Markup(''))
        self._result.show(words)

    def show_problem(self, words: Markup) -> None:
        """Show why it was not."""
        self._result.show(Markup(''))
        self._problem.show(words)

    def set_visible(self, visible: bool) -> None:
        """Show or hide all of it."""
        self._element.set_visibility(visible)


def corrected(order: Order, *, shows_calendar: bool) -> Markup:
    """Say that the address was corrected.

    Args:
        order: as it is now.
        shows_calendar: a calendar is open on the page, filled in with the earlier address.
    """
    again = h('a', 'Load it again', href=f'/order/{order.token}')
    open_frame = h('p', 'The calendar on this page still has the earlier address. ', again, '.')
    words = h('p', 'Done. From now on we write to ', h('strong', order.email), '.')
    return join(words, open_frame if shows_calendar else None)


def form_page(shop: Shop, order: Order, problem: Markup, *, status: int) -> Response:
    """The form as a page of its own, after a mistake, for a browser without script."""
    body = join(
        h('h1', 'Correct the e-mail address'),
        h('div', problem, class_='alert', role='alert', id=ERROR),
        _form(shop, order, wrong=ERROR),
        h('p', h('a', 'Back to your order', href=f'/order/{order.token}'), class_='links'),
    )
    page = h('div', body, class_='prose')
    return plain_page(shop, 'Correct the e-mail address', page, status=status, headers=PRIVATE)


def _form(shop: Shop, order: Order, *, page: str = '', wrong: str = '') -> Markup:
    words = f'{WHAT_FOR}{BOTH if shop.sends_mail else ""}{STRIPES}'
    return h(
        'form',
        h('p', words, class_='quiet'),
        email_field('The right e-mail address', wrong=wrong),
        h('input', type='hidden', name='page', value=page) if page else None,
        h('button', 'Correct the address', type='submit', class_='cta'),
        method='post',
        action=f'/order/{order.token}/email',
        class_='pay',
    )
