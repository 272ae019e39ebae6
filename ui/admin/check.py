"""The check of the whole set-up, as ``main.py check`` makes it: a form, answered with what was found."""

from collections.abc import Sequence

from fastapi import Request, Response
from markupsafe import Markup

from services.admin import SignedIn
from services.check import Finding, Level, summary
from services.shop import Shop
from ui.admin.access import Form, admin_post
from ui.admin.forms import action_form, button
from ui.admin.layout import admin_document
from ui.components.builder import h, join

PATH = '/admin/selling/check'
TITLE = 'Everything was checked'
KINDS = {Level.OK: 'good', Level.WARNING: 'note', Level.WRONG: 'bad'}
WHAT_IT_DOES = (
    'Asks Stripe, Calendly, the mail server and your own address. It changes nothing and takes some seconds.'
)


def register(shop: Shop) -> None:
    """Register the check."""

    @admin_post(PATH, shop)
    async def check(_request: Request, signed_in: SignedIn, _form: Form) -> Response:
        return admin_document(shop, TITLE, _page(signed_in, await shop.check()), signed_in)


def check_form(signed_in: SignedIn) -> Markup:
    """Build the button that checks everything."""
    return join(h('p', WHAT_IT_DOES), action_form(signed_in, PATH, button('Check everything now')))


def _page(signed_in: SignedIn, found: Sequence[Finding]) -> Markup:
    head = h('tr', *(h('th', name, scope='col') for name in ('Part', 'What was found', 'What helps')))
    worst_first = sorted(found, key=lambda each: list(Level).index(each.level), reverse=True)
    table = h('table', h('thead', head), h('tbody', *map(_row, worst_first)))
    return join(
        h('p', h('a', '← Selling', href='/admin/selling'), class_='links'),
        h('h1', TITLE),
        h('p', summary(found), class_='lead'),
        h('div', table, class_='table', tabindex='0'),
        check_form(signed_in),
    )


def _row(finding: Finding) -> Markup:
    is_note = finding.level is Level.OK and finding.remedy  # only a person can see it
    kind = 'note' if is_note else KINDS[finding.level]
    text = h('span', finding.text, class_=f'status {kind}')
    return h('tr', h('th', finding.part, scope='row'), h('td', text), h('td', finding.remedy))
