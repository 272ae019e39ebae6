"""The preview: the real pages with the texts of the draft, for whoever is signed in."""

from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from services.admin import SignedIn
from services.shop import Shop
from services.site import PresentSite
from ui.admin.access import admin_document_at
from ui.components import theme
from ui.components.builder import h, join
from ui.components.documents import document, framed, robots_meta
from ui.middleware.load_shedding import landing_parts
from ui.pages import legal
from ui.pages.errors import not_found
from ui.pages.pay_buttons import FormTarget

PATH = '/admin/texts/preview'
PAGES = {'start-page': 'Start page', 'terms': 'Terms', 'refunds': 'Refunds', 'privacy': 'Privacy'}
BAR = (
    'position: sticky; top: 0; z-index: 9; padding: .5rem 1rem; background: var(--ink); color: var(--paper);'
    ' font: 1rem/1.5 var(--sans)'
)
LINK = 'display: inline-flex; align-items: center; min-height: 44px; margin-right: 1rem; color: inherit'


def register(shop: Shop) -> None:
    """Register the preview of each page."""

    @admin_document_at(f'{PATH}/{{page}}', shop)
    async def preview(request: Request, _signed_in: SignedIn) -> Response:
        page = request.path_params['page']
        if page not in PAGES:
            return not_found(shop)
        now = await shop.text_editor.read()
        site = now.site
        imagined = replace(shop, present=PresentSite(site))
        if page == 'start-page':
            offer = replace(await shop.catalog.get_for_page(), title=site.offer.name)
            target = FormTarget('get', f'{PATH}/start-page')  # the pay buttons of a preview sell nothing
            head, body = landing_parts(imagined, offer, target=target)
            title = site.landing.title
        else:
            text = {'terms': site.terms, 'refunds': site.refunds, 'privacy': site.privacy}[page]
            head, title = theme.style(site.theme), text.title
            body = framed(imagined, legal.content(imagined, text))
        head = join(robots_meta(listed=False), head)
        is_draft = now.draft is not None
        whole = document(f'Preview: {title}', head=head, body=join(_bar(page, is_draft=is_draft), body))
        return HTMLResponse(whole)


def _bar(page: str, *, is_draft: bool) -> Markup:
    """Build the bar above a preview: what it is, the other pages, the way back."""
    what = (
        'Preview of the draft; customers do not see it.'
        if is_draft
        else 'No draft: this is what customers see.'
    )
    links = [
        h(
            'a',
            words,
            href=f'{PATH}/{name}',
            aria_current='page' if name == page else None,
            style=LINK + ('; font-weight: 600' if name == page else ''),
        )
        for name, words in PAGES.items()
    ]
    back = h('a', 'Back to the texts', href='/admin/texts', style=LINK)
    return h('nav', h('div', h('strong', what)), h('div', *links, back), aria_label='Preview', style=BAR)
