"""Who may see and do something below /admin, decided in one place for every route there is or will be.

The middleware answers every request below /admin that has no sign-in with the way to the sign-in page, and
refuses every form that another site sends. `admin_page` and `admin_post` register what is behind it.
"""

import re
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from nicegui import app, ui
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.admin import Access, SignedIn
from services.admin.access import LIFETIME
from services.errors import NotOurForm, ShopError
from services.shop import Shop
from ui.admin.forms import FORM_TOKEN
from ui.admin.layout import Area, admin_layout, error_page
from ui.components.elements import leave_for
from ui.components.layout import RESPONSE_TIMEOUT
from ui.pages.forms import MAX_FIELDS, read_form

HOME, LOGIN = '/admin', '/admin/login'
COOKIE = 'paidslot_admin'
READING = ('GET', 'HEAD')
MAX_BODY = 64 * 1024  # bytes of a form; the pages of the texts take more
OWN_PATH = re.compile(r'/admin(/[A-Za-z0-9_-]+)*(\?[A-Za-z0-9_.~%&=+:@,/-]*)?')
NOT_FROM_HERE = (
    'This form was not sent from {domain}. Nothing was changed. Please open the admin at that address.'
)

Form = dict[str, str]
"""The fields of a form that are not empty."""
PageBuilder = Callable[[Request, SignedIn], Awaitable[Response | None]]
DocumentBuilder = Callable[[Request, SignedIn], Awaitable[Response]]
Action = Callable[[Request, SignedIn, Form], Awaitable[Response]]


def admin_page(
    path: str, shop: Shop, *, title: str, area: Area | None = None
) -> Callable[[PageBuilder], None]:
    """Register a page of the admin, with the layout around what is built.

    The function it decorates gets the request and the sign-in. It may return a response instead of building.

    Args:
        path: the URL's path, below /admin; parameters are in ``request.path_params``.
        shop: whose page it is.
        title: what the page is called.
        area: the entry of the navigation that it belongs to.
    """

    def register(build: PageBuilder) -> None:
        @ui.page(path, response_timeout=RESPONSE_TIMEOUT)
        async def page(request: Request) -> Response | None:
            signed_in = signed_in_of(request)
            ui.context.client.title = f'{title} · Admin · {shop.site.business.name}'
            with admin_layout(shop, signed_in, area):
                return await build(request, signed_in)

    return register


def admin_document_at(path: str, shop: Shop) -> Callable[[DocumentBuilder], None]:
    """Register a page of the admin that needs no script; it keeps what is typed when the server restarts.

    The function it decorates gets the request and the sign-in. A `ShopError` becomes a page with its words.

    Args:
        path: the URL's path, below /admin; parameters are in ``request.path_params``.
        shop: whose page it is.
    """

    def register(build: DocumentBuilder) -> None:
        @app.get(path)
        async def page(request: Request) -> Response:
            signed_in = signed_in_of(request)
            try:
                return await build(request, signed_in)
            except ShopError as error:
                return error_page(shop, error, signed_in)

    return register


def admin_post(
    path: str, shop: Shop, *, limit: int = MAX_BODY, fields: int = MAX_FIELDS, keeps_empty: bool = False
) -> Callable[[Action], None]:
    """Register an action of the admin: a form, answered with a redirect to a page.

    The function it decorates gets the request, the sign-in and the form, whose token was checked. A
    `ShopError` becomes a page with its words.

    Args:
        path: the URL's path, below /admin; parameters are in ``request.path_params``.
        shop: whose action it is.
        limit: how many bytes its form may have.
        fields: how many fields it may have.
        keeps_empty: whether fields that were left empty are in the form.
    """

    def register(act: Action) -> None:
        @app.post(path)
        async def action(request: Request) -> Response:
            signed_in = signed_in_of(request)
            try:
                form = await read_form(request, limit=limit, fields=fields, keeps_empty=keeps_empty)
                if not signed_in.sent(form.pop(FORM_TOKEN, '')):
                    raise NotOurForm(f'{path} without the form token of its sign-in')
                return await act(request, signed_in, form)
            except ShopError as error:
                return error_page(shop, error, signed_in)

    return register


def see_other(path: str) -> Response:
    """Lead to a page after an action, so that loading it again does nothing twice."""
    return RedirectResponse(path, 303)


def guarded(signed_in: SignedIn, handler: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    """Wrap what an open page does later, by an event or a timer: first the sign-in is checked again.

    Once it has ended, the browser is led to the sign-in page instead.
    """

    async def handle() -> None:
        if await signed_in.still_valid():
            await handler()
        else:
            leave_for(LOGIN)

    return handle


def signed_in_of(request: Request) -> SignedIn:
    """Return the sign-in that the middleware has found."""
    signed_in = request.state.signed_in
    assert isinstance(signed_in, SignedIn)  # without one the middleware has answered
    return signed_in


class SignInMiddleware:
    """ASGI middleware around everything below /admin."""

    def __init__(self, app: ASGIApp, *, access: Access, shop: Shop) -> None:
        self._app = app
        self._access = access
        self._shop = shop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it may be answered; tell every cache to keep no answer."""
        if scope['type'] != 'http' or not is_below_admin(scope['path']):
            await self._app(scope, receive, send)
            return

        async def send_uncached(message: Message) -> None:
            if message['type'] == 'http.response.start':
                MutableHeaders(scope=message)['Cache-Control'] = 'no-store'
            await send(message)

        answer = await self._refusal(scope) or self._app
        await answer(scope, receive, send_uncached)

    async def _refusal(self, scope: Scope) -> Response | None:
        """Return what to answer instead of the route, None if the route may answer."""
        headers = Headers(scope=scope)
        if scope['method'] not in READING and not is_from(headers, self._shop.settings.domain):
            words = NOT_FROM_HERE.format(domain=self._shop.settings.domain)
            return error_page(self._shop, NotOurForm(words), None, words=words)
        try:
            signed_in = await self._access.find(cookie_in(headers))
        except ShopError as error:
            return error_page(self._shop, error, None)
        scope.setdefault('state', {})['signed_in'] = signed_in
        if signed_in is None and scope['path'] != LOGIN:
            return to_login(scope)
        return None


def to_login(scope: Scope) -> Response:
    """Lead to the sign-in page, and from there to the page that was requested."""
    query = scope['query_string'].decode('latin-1')
    wanted = scope['path'] + (f'?{query}' if query else '')
    if scope['method'] not in READING or wanted == HOME or own_path(wanted) != wanted:
        return RedirectResponse(LOGIN, 303)
    return RedirectResponse(f'{LOGIN}?next={quote(wanted, safe="/")}', 303)


def own_path(path: str) -> str:
    """Return a path to go to after the sign-in: the given one if it is below /admin, else the first page."""
    return path if OWN_PATH.fullmatch(path) and not path.startswith(LOGIN) else HOME


def is_below_admin(path: str) -> bool:
    """Whether a path is the admin's."""
    return path == HOME or path.startswith(f'{HOME}/')


def is_from(headers: Headers, origin: str) -> bool:
    """Whether a browser says that a request comes from a page of this origin.

    All browsers send Origin with a form that is posted. Where something has removed it, one of two others
    must say the same.
    """
    if 'origin' in headers:
        return headers['origin'] == origin
    if 'sec-fetch-site' in headers:
        return headers['sec-fetch-site'] == 'same-origin'
    url = urlsplit(headers.get('referer', ''))
    return f'{url.scheme}://{url.netloc}' == origin


def cookie_in(headers: Headers) -> str:
    """Return the value of the sign-in cookie, '' without one."""
    try:
        morsel = SimpleCookie(headers.get('cookie', '')).get(COOKIE)
    except CookieError:
        return ''
    return morsel.value if morsel else ''


def with_cookie(response: Response, token: str, *, secure: bool) -> Response:
    """Set the sign-in cookie; '' deletes it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LIFETIME.total_seconds()) if token else 0,
        path=HOME,
        secure=secure,
        httponly=True,
        samesite='strict',
    )
    return response
