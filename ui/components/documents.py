"""Whole documents without script: the plain pages, and the frame around the cached landing page."""

from fastapi.responses import HTMLResponse
from markupsafe import Markup

from services.shop import Shop
from ui.components import theme
from ui.components.builder import EMAIL_OFF, EMAIL_ON, h, join
from ui.components.layout import footer, header


def document(title: str, *, head: Markup, body: Markup) -> Markup:
    """Build a whole document; the head gets title, viewport and icon by itself."""
    common = (
        h('meta', charset='utf-8'),
        h('meta', name='viewport', content='width=device-width, initial-scale=1'),
        h('title', title),
        h('link', rel='icon', type='image/svg+xml', href='/favicon.svg'),
    )
    html = h('html', h('head', *common, head), h('body', EMAIL_OFF, body, EMAIL_ON), lang='en-US')
    return Markup('<!doctype html>\n') + html


def plain_page(
    shop: Shop,
    title: str,
    body: Markup,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    listed: bool = True,
) -> HTMLResponse:
    """Answer with a page that needs no script.

    Args:
        shop: whose page it is.
        title: the document's title, without the name of the business.
        body: the content between header and footer.
        status: the HTTP status.
        headers: more headers.
        listed: whether search engines may list it, if nothing is wrong and the shop is live.
    """
    listed = listed and status < 400 and shop.settings.mode == 'live'
    head = join(robots_meta(listed=listed), theme.style(shop.site.theme))
    whole = document(f'{title} · {shop.site.business.name}', head=head, body=framed(shop, body))
    return HTMLResponse(whole, status_code=status, headers=headers)


def framed(shop: Shop, body: Markup) -> Markup:
    """Put header and footer around the content of a page."""
    return h(
        'div',
        h('header', header(shop)),
        h('main', h('div', body, class_='wrap sheet', id='content')),
        h('footer', footer(shop.site), class_='foot'),
        class_='page',
    )


def robots_meta(*, listed: bool) -> Markup | None:
    """Keep a page out of search engines, unless it may be listed."""
    return None if listed else h('meta', name='robots', content='noindex')
