"""The sign-in page, and the way out."""

import math

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup
from nicegui import app

from services.admin import Access, SignedIn
from services.errors import ShopError, TooManyRequests
from services.settings import NO_TEST_CALENDAR
from services.shop import Shop
from ui.admin.access import LOGIN, Form, admin_post, own_path, see_other, with_cookie
from ui.admin.forms import button, hidden
from ui.admin.layout import admin_document
from ui.components.builder import h, join
from ui.pages.forms import read_form

ERROR = 'password-error'  # the id of the words about a wrong password
TOO_OFTEN = 'The password was tried too often. For {} it is not looked at, even if it is right.'


def register(shop: Shop, access: Access) -> None:
    """Register the sign-in page and the way out."""
    secure = shop.settings.https

    @app.api_route(LOGIN, methods=['GET', 'HEAD'])
    def login(request: Request) -> Response:
        wanted = own_path(request.query_params.get('next', ''))
        if request.state.signed_in:
            return see_other(wanted)
        return _page(shop, wanted, is_first='first' in request.query_params)

    @app.post(LOGIN)
    async def sign_in(request: Request) -> Response:
        wanted = ''
        try:
            form = await read_form(request)
            wanted = own_path(form.get('next', ''))
            client_ip = request.client.host if request.client else ''
            token = await access.sign_in(form.get('password', ''), client_ip=client_ip)
        except TooManyRequests as error:
            return _page(shop, wanted, TOO_OFTEN.format(_minutes(error.retry_after)), error)
        except ShopError as error:
            return _page(shop, wanted, error.words, error)
        return with_cookie(RedirectResponse(wanted, 303), token, secure=secure)

    @admin_post('/admin/sign-out', shop)
    async def sign_out(_request: Request, signed_in: SignedIn, _form: Form) -> Response:
        await access.sign_out(signed_in)
        return with_cookie(see_other(LOGIN), '', secure=secure)


def _page(
    shop: Shop, wanted: str, problem: str = '', error: ShopError | None = None, *, is_first: bool = False
) -> Response:
    headers = {'Retry-After': str(error.retry_after)} if error and error.retry_after else {}
    first = _first_sale(shop) if is_first else None
    body = join(h('h1', 'Sign in'), first, _form(wanted, problem))
    status = error.status if error else 200
    return admin_document(shop, 'Sign in', body, None, status=status, headers=headers)


def _first_sale(shop: Shop) -> Markup:
    """Say what comes after the set-up."""
    link = h('a', 'make your first test sale', href='/')
    pay = 'card 4242 4242 4242 4242, any date to come, any CVC'
    how = f'pay with {pay}' if shop.settings.mode == 'test' else 'pay with your own card, then refund it here'
    closed = None if shop.settings.selling else h('p', NO_TEST_CALENDAR)
    return h('div', h('p', 'Your shop is set up. Now ', link, f': {how}.'), closed, class_='notice')


def _form(wanted: str, problem: str) -> Markup:
    field = h(
        'input',
        type='password',
        name='password',
        id='password',
        autocomplete='current-password',
        required=True,
        autofocus=True,
        aria_invalid='true' if problem else None,
        aria_describedby=ERROR if problem else None,
    )
    return h(
        'form',
        h('div', problem, class_='alert', role='alert', id=ERROR) if problem else None,
        hidden('next', wanted),
        h('label', 'Password', for_='password'),
        field,
        h('p', 'It is the setting ADMIN_PASSWORD of this shop.', class_='quiet'),
        button('Sign in', kind='main'),
        method='post',
        action=LOGIN,
        class_='form',
    )


def _minutes(seconds: int | None) -> str:
    minutes = math.ceil((seconds or 60) / 60)
    return 'a minute' if minutes == 1 else f'{minutes} minutes'
