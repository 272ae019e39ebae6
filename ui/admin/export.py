"""The export page, and the download that its form asks for by GET: the URL says what is in the file."""

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from markupsafe import Markup
from nicegui import app, ui

from services.admin import SignedIn
from services.admin.export import MEDIA_TYPES, Form, Subject, file_name, parse_period
from services.shop import Shop
from ui.admin.access import admin_page, see_other, signed_in_of
from ui.admin.forms import button
from ui.admin.layout import Area
from ui.components.builder import h, join
from ui.components.elements import Static

EXPORT, DOWNLOAD = '/admin/export', '/admin/export/download'
NAMES = {Subject.ORDERS: 'Orders', Subject.BOOKINGS: 'Bookings', Subject.JOURNAL: 'Journal of the orders'}
FORMS = {Form.CSV: 'CSV, for a spreadsheet', Form.JSON: 'JSON, for a program'}
HINT = (
    'Days are UTC, and both are included; leave one empty for no limit. Orders count by the day they were '
    'made, bookings by the day they begin. The file holds names and e-mail addresses: keep it where nobody '
    'else can read it.'
)


def register(shop: Shop) -> None:
    """Register the page and its download."""

    @admin_page(EXPORT, shop, title='Export', area=Area.EXPORT)
    async def page(request: Request, _signed_in: SignedIn) -> None:
        chosen = dict(request.query_params)
        forget = h('a', 'Forget a customer', href='/admin/forget')
        lead = h('p', 'All that the shop knows of a period, as one file.')
        ui.context.client.content.classes('narrow')
        for part in (
            h('h1', 'Export'),
            lead,
            _form(chosen, _problem(chosen)),
            h('p', forget, class_='links'),
        ):
            Static(part)

    @app.get(DOWNLOAD)
    async def download(request: Request) -> Response:
        signed_in = signed_in_of(request)
        chosen = dict(request.query_params)
        if not chosen or _problem(chosen):
            return see_other(f'{EXPORT}?{urlencode(chosen)}')
        subject, form = Subject(chosen['subject']), Form(chosen['format'])
        first, last = chosen.get('from', ''), chosen.get('to', '')
        name = file_name(subject, form, first, last)
        await shop.ledger.admin_journal.add(f'exported {name}', actor=signed_in.actor)
        return StreamingResponse(
            shop.exports.write(subject, form, parse_period(first, last)),
            media_type=MEDIA_TYPES[form],
            headers={'Content-Disposition': f'attachment; filename="{name}"'},
        )


def _problem(chosen: dict[str, str]) -> str:
    """Say what is wrong with what was chosen; '' if nothing is, or nothing was chosen yet."""
    if not chosen:
        return ''
    try:
        Subject(chosen.get('subject', ''))
        Form(chosen.get('format', ''))
    except ValueError:
        return 'Please choose what to export, and how.'
    try:
        parse_period(chosen.get('from', ''), chosen.get('to', ''))
    except ValueError as error:
        return f'{str(error)[:1].upper()}{str(error)[1:]}.'
    return ''


def _form(chosen: dict[str, str], problem: str) -> Markup:
    return h(
        'form',
        h('div', problem, class_='alert', role='alert') if problem else None,
        _choice('subject', 'What', NAMES, chosen),
        _day('from', 'From', chosen),
        _day('to', 'To', chosen),
        _choice('format', 'Form', FORMS, chosen),
        h('p', HINT, class_='quiet'),
        button('Download', kind='main'),
        method='get',
        action=DOWNLOAD,
        class_='form',
    )


def _choice(
    name: str, label: str, options: dict[Subject, str] | dict[Form, str], chosen: dict[str, str]
) -> Markup:
    items = [
        h('option', words, value=str(value), selected=chosen.get(name) == value)
        for value, words in options.items()
    ]
    return join(h('label', label, for_=name), h('select', *items, name=name, id=name))


def _day(name: str, label: str, chosen: dict[str, str]) -> Markup:
    field = h('input', type='date', name=name, id=name, value=chosen.get(name, ''))
    return join(h('label', f'{label} (optional)', for_=name), field)
