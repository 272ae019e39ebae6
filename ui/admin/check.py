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
WORDS = {Level.OK: '', Level.WARNING: 'Warning: ', Level.WRONG: 'Wrong: '}
KINDS = {Level.OK: 'good', Level.WARNING: 'note', Level.WRONG: 'bad'}
WHAT_IT_DOES = (
    'Asks Stripe, Calendly, the mail server and your own address. It changes nothing and takes some seconds.'
    ' If one runs already, you see its result.'
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
    """Build the page: the parts with the worst findings come first."""
    parts = {each.part: [other for other in found if other.part == each.part] for each in found}
    ranked = sorted(parts, key=lambda part: max(map(_rank, parts[part])), reverse=True)
    return join(
        h('p', h('a', '← Selling', href='/admin/selling'), class_='links'),
        h('h1', TITLE),
        h('p', summary(found), class_='lead'),
        *(h('section', h('h2', part.capitalize()), _list(parts[part])) for part in ranked),
        check_form(signed_in),
    )


def _rank(finding: Finding) -> int:
    return list(Level).index(finding.level)


def _list(found: Sequence[Finding]) -> Markup:
    return h('ul', *(h('li', _text(each)) for each in found), class_='items')


def _text(finding: Finding) -> Markup:
    is_note = finding.level is Level.OK and finding.remedy  # only a person can see it
    kind = 'note' if is_note else KINDS[finding.level]
    words = h('span', h('span', WORDS[finding.level], finding.text), class_=f'status {kind}')
    return h('div', words, h('p', finding.remedy, class_='about') if finding.remedy else None, class_='text')
