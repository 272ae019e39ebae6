"""Everything the shop knows of an order, for a dispute: a page to print, and JSON."""

from fastapi import Request, Response
from markupsafe import Markup
from nicegui import app

from services.admin.actions import Evidence
from services.shop import Shop
from ui.admin.access import signed_in_of
from ui.admin.layout import admin_document
from ui.admin.order import not_found
from ui.components.builder import h, join

PATH = '/admin/orders/{reference}/evidence'


def register(shop: Shop) -> None:
    """Register the evidence of an order."""

    @app.get(f'{PATH}.json')
    async def evidence_file(reference: str, request: Request) -> Response:
        details = await shop.reads.details.find(reference)
        if details is None:
            return not_found(shop, signed_in_of(request), reference)
        evidence = await shop.actions.evidence.collect(details.order)
        headers = {'Content-Disposition': f'attachment; filename="evidence-{details.order.reference}.json"'}
        return Response(evidence.as_json(), media_type='application/json', headers=headers)

    @app.get(PATH)
    async def evidence_page(reference: str, request: Request) -> Response:
        details = await shop.reads.details.find(reference)
        if details is None:
            return not_found(shop, signed_in_of(request), reference)
        evidence = await shop.actions.evidence.collect(details.order)
        title = f'Evidence of {evidence.reference}'
        return admin_document(shop, title, _page(evidence, details.sentence), signed_in_of(request))


def _page(evidence: Evidence, sentence: str) -> Markup:
    order = f'/admin/orders/{evidence.reference}'
    links = h(
        'p',
        h('a', '← The order', href=order),
        h('a', 'As JSON', href=f'{order}/evidence.json'),
        class_='links',
    )
    sections = (
        h('section', h('h2', section.title), h('dl', *(_row(*row) for row in section.rows), class_='facts'))
        for section in evidence.sections
    )
    head = (links, h('h1', f'Evidence of {evidence.reference}'), h('p', sentence, class_='lead'))
    return h('div', *head, *sections, class_='evidence')


def _row(name: str, value: str) -> Markup:
    lines = [part for line in value.splitlines() for part in (h('br'), line)][1:]
    return join(h('dt', name), h('dd', *lines))
