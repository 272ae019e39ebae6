"""The web server of the set-up: one link with a code, one page for each step, and nothing else."""

import asyncio
import socket
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from markupsafe import Markup
from starlette.background import BackgroundTask

from services import logs, site
from services.check import Finding, Level
from services.errors import ShopError
from services.set_up import AT_THE_END, Elsewhere, Refused, SetUp, SetUpAccess, Step, no_settings, opened
from services.settings import SettingsError, find_value, problem_of
from ui.admin.forms import button
from ui.components import theme
from ui.components.builder import h, join
from ui.connections import bounded, raise_file_limit
from ui.pages.forms import read_form
from ui.server import refuse_taken_port
from ui.set_up.layout import HEADERS, TITLES, not_ready, not_set_up, page
from ui.set_up.steps import CONTENT

COOKIE = 'paidslot_set_up'
GREETING = """This shop is not set up yet. Open this link in your browser; whoever has it can set the shop up:
  {}"""
NEXT = """The link was used, and works no more. For another browser there is this one:
  {}"""
ELSEWHERE = 'From another machine, put the address of this one in its place, best one with https.'
WATCH_EVERY = 5.0  # seconds
TAKE_OVER = 'take-over'
STARTS_IN = 6  # seconds until the browser looks for the shop
Form = Mapping[str, str]
NOT_YET = 'Nothing was kept: another step comes first. It is this one.'
UNREADABLE = 'This form cannot be read, and nothing was kept. Fill it in again, and send it once more.'
UNUSABLE = 'There is a control character in what you typed, such as a line break. Type it again without it.'


def serve(environ: Mapping[str, str], env_file: Path) -> bool:
    """Serve the set-up until its last step or until the process is stopped.

    Args:
        environ: the process environment.
        env_file: the file that settings are read from.

    Returns:
        Whether the settings were written, so that the shop can start.

    Raises:
        SettingsError: the address cannot be listened on, or the database cannot be used.
    """
    return asyncio.run(_serve(environ, env_file))


async def _serve(environ: Mapping[str, str], env_file: Path) -> bool:
    async with opened(environ, env_file) as set_up:
        values = set_up.answers.values
        if problems := [problem for name in ('HOST', 'PORT') if (problem := problem_of(name, values))]:
            raise SettingsError(problems)
        host, port = find_value('HOST', values), find_value('PORT', values)
        refuse_taken_port(host, port)
        logs.set_up(form=find_value('LOG_FORMAT', values) or 'text', level='warning')
        set_up.answers.hold.place = f'the process at port {port} of {socket.gethostname()}'
        pages = Pages(set_up, site.load(find_value('SITE_FILE', values)), port=port)
        config = uvicorn.Config(
            pages.app(),
            host=host,
            port=port,
            http=bounded(raise_file_limit()),
            forwarded_allow_ips=find_value('TRUSTED_PROXIES', values),
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            log_config=None,
        )
        server = uvicorn.Server(config)
        pages.on_done = lambda: setattr(server, 'should_exit', True)
        domain = values.get('DOMAIN', '')
        link = f'{domain or f"http://{_reachable(host)}:{port}"}/setup?code='
        print(
            GREETING.format(link + pages.access.code), *([] if domain else [ELSEWHERE]), sep='\n', flush=True
        )
        pages.on_code_used = lambda: print(NEXT.format(link + pages.access.code), flush=True)
        pages.has_settings = lambda: not no_settings(environ, env_file)
        watching = asyncio.create_task(pages.watch())
        watching.add_done_callback(lambda _: pages.on_done())
        try:
            await server.serve()
        finally:
            watching.cancel()
        return pages.is_done


def _reachable(host: str) -> str:
    if host in ('0.0.0.0', '::', ''):  # noqa: S104  # what people type for every address
        return 'localhost'
    return f'[{host}]' if ':' in host else host


class Pages:
    """The pages of one set-up."""

    def __init__(self, set_up: SetUp, texts: site.Site, *, port: int) -> None:
        self.access = SetUpAccess()
        self.is_done = False
        self.has_settings: Callable[[], bool] = lambda: False
        self.on_done: Callable[[], object] = lambda: None
        self.on_code_used: Callable[[], object] = lambda: None
        self._set_up = set_up
        self._site = texts
        self._port = port
        self._notes: list[str] = []
        self._one_at_a_time = asyncio.Lock()
        self._ways: Mapping[Step, Callable[[Form], Awaitable[None]]] = {
            Step.KEYS: self._keys,
            Step.PRICE: self._price,
            Step.CALENDAR: self._calendar,
            Step.EVENT_TYPE: self._event_type,
            Step.ADDRESS: self._address,
            Step.PAYMENTS_WEBHOOK: self._payments_webhook,
            Step.BOOKINGS_WEBHOOK: self._bookings_webhook,
            Step.PASSWORD: self._password,
            Step.WRITE: self._write,
        }

    def app(self) -> FastAPI:
        """Return the web application."""
        app = FastAPI(openapi_url=None)
        icon = Response(str(theme.favicon(self._site.theme)), media_type='image/svg+xml', headers=HEADERS)
        app.add_api_route('/setup', self._show, methods=['GET'])
        app.add_api_route('/setup/{step}', self._take, methods=['POST'])
        app.add_api_route(
            '/healthz', lambda: PlainTextResponse('ok\n', headers=HEADERS), methods=['GET', 'HEAD']
        )
        app.add_api_route('/readyz', not_ready, methods=['GET', 'HEAD'])
        app.add_api_route('/favicon.svg', lambda: icon, methods=['GET', 'HEAD'])
        every = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
        app.add_api_route('/{path:path}', lambda: not_set_up(self._site), methods=every)
        return app

    async def watch(self, *, every: float = WATCH_EVERY) -> None:
        """End the set-up once there are settings: another process, or the command line, has written them.

        Args:
            every: seconds between two checks.
        """
        while not self.is_done:
            await asyncio.sleep(every)
            async with self._one_at_a_time:
                await self._is_over()

    # ---- Requests

    async def _show(self, request: Request) -> Response:
        """Show the step that comes next, or one that was taken; a code is exchanged for the cookie first."""
        code = request.query_params.get('code')
        if code is not None and not self._admits(request):
            return self._exchange(request, code)
        if not self._admits(request):
            return self._refusal('Open the link that the log of this process shows.')
        async with self._one_at_a_time:
            if await self._is_over():
                return self._starting()
            try:
                await self._set_up.answers.take()
            except Elsewhere as error:
                return self._elsewhere(error)
        wanted = request.query_params.get('step', '')
        is_reachable = wanted in {*Step} and self._is_reachable(Step(wanted))
        step = Step(wanted) if is_reachable else self._set_up.answers.step
        notes, self._notes = self._notes, []
        return await self._page(request, step, notes=notes)

    async def _take(self, request: Request, step: str) -> Response:
        """Take a step with what a form says, and lead to the next one."""
        if not self._admits(request) or not _is_from_here(request) or step not in {*Step, TAKE_OVER}:
            return self._refusal('This form was not sent from a page of this set-up.')
        async with self._one_at_a_time:
            if await self._is_over():
                return self._starting()
            try:
                await self._set_up.answers.take(over=step == TAKE_OVER)
            except Elsewhere as error:
                return self._elsewhere(error)
            if step == TAKE_OVER:
                return RedirectResponse('/setup', 303, headers=HEADERS)
            if not self._is_reachable(Step(step)):
                return await self._page(request, self._set_up.answers.step, problem=NOT_YET, status=409)
            try:
                form = await read_form(request)
            except ShopError as error:
                return await self._page(request, Step(step), problem=UNREADABLE, status=error.status)
            try:
                _refuse_control_characters(form)
                await self._ways[Step(step)](form)
            except (Refused, ShopError) as error:
                status = error.status if isinstance(error, ShopError) else 422
                return await self._page(request, Step(step), typed=form, problem=str(error), status=status)
            if Step(step) is Step.WRITE:
                return self._starting(await self._set_up.check(), self._notes)
            return RedirectResponse('/setup', 303, headers=HEADERS)

    async def _is_over(self) -> bool:
        """Whether there are settings: this process or another one has written them."""
        with suppress(SettingsError):  # such as a file that is being written
            self.is_done = self.is_done or await asyncio.to_thread(self.has_settings)
        return self.is_done

    def _elsewhere(self, error: Elsewhere) -> Response:
        """Say that another process has the set-up; it can be taken from one that does nothing just now."""
        go_on = h(
            'form', button('Go on here, and no longer there', kind='main'),
            method='post', action=f'/setup/{TAKE_OVER}', class_='form',
        )  # fmt: skip
        title = 'This set-up goes on elsewhere'
        return page(self._site, title, h('p', str(error)), None if error.is_working else go_on, status=409)

    def _exchange(self, request: Request, code: str) -> Response:
        cookie = self.access.exchange(code)
        if cookie is None:
            return self._refusal('Too many wrong codes. Wait a minute, then open the link again.', status=429)
        if not cookie:
            return self._refusal(
                'This link is not valid any more. The log shows the newest one; '
                'each of several processes has its own.'
            )
        self.on_code_used()
        # No redirect: a browser that follows a link from another site would not send the cookie along.
        link = h('p', h('a', 'Go on', href='/setup', class_='button main'))
        answer = page(self._site, 'Set up your shop', link, refresh='0;url=/setup')
        secure = request.url.scheme == 'https'
        answer.set_cookie(COOKIE, cookie, path='/setup', httponly=True, samesite='strict', secure=secure)
        return answer

    def _admits(self, request: Request) -> bool:
        return self.access.admits(request.cookies.get(COOKIE, ''))

    def _refusal(self, words: str, *, status: int = 403) -> Response:
        return page(self._site, 'This page is for whoever runs the shop', h('p', words), status=status)

    async def _page(
        self,
        request: Request,
        step: Step,
        *,
        typed: Form = MappingProxyType({}),
        problem: str = '',
        notes: list[str] | None = None,
        status: int = 200,
    ) -> Response:
        try:
            content = await CONTENT[step](self._set_up, str(request.base_url).rstrip('/'), typed)
        except (Refused, ShopError) as error:
            content, problem = join(), problem or str(error)
        said = [h('div', note, class_='notice') for note in notes or ()]
        alert = h('div', problem, class_='alert', role='alert') if problem else None
        return page(self._site, TITLES[step], self._progress(step), *said, alert, content, status=status)

    def _progress(self, current: Step) -> object:
        """Say which step this is; those that were taken can be taken again."""
        steps = list(Step)
        number = h('p', f'Step {steps.index(current) + 1} of {len(steps)}', class_='quiet')
        links = [
            h('li', h('a', TITLES[step], href=f'/setup?step={step.value}'))
            for step in steps
            if self._is_reachable(step) and step is not current
        ]
        if not links:
            return number
        others = h('nav', h('ul', *links, class_='links'), aria_label='Steps')
        return join(number, h('details', h('summary', 'Other steps'), h('div', others), class_='fold'))

    def _is_reachable(self, step: Step) -> bool:
        return self._set_up.answers.is_taken(step) or step is self._set_up.answers.step

    def _starting(self, found: Sequence[Finding] = (), notes: Sequence[str] = ()) -> Response:
        """Say that the shop starts; the browser looks for it by itself, unless there is something to read."""
        admin = f'{self._set_up.answers.values.get("DOMAIN", "")}/admin/login?first=1'
        words = 'The settings are written. The shop starts now; this takes a few seconds.'
        link = h('p', h('a', 'Open the admin', href=admin, class_='button main'))
        again = h(
            'p',
            'If nothing is there yet, wait a moment and load the page again.',
            class_='quiet',
        )
        refresh = '' if notes or found else f'{STARTS_IN};url={admin}'
        said = [h('div', note, class_='alert') for note in notes]
        content = h('p', words), *said, *map(_finding, found), link, again
        answer = page(self._site, 'Your shop starts', *content, refresh=refresh)
        answer.background = BackgroundTask(self.on_done)
        return answer

    # ---- Steps

    async def _keys(self, form: Form) -> None:
        secret, public = form.get('stripe_secret_key', ''), form.get('stripe_publishable_key', '')
        self._notes = await self._set_up.payments.use_keys(secret, public)
        self._notes.append(f'Stripe accepts the key: {self._set_up.answers.mode} mode.')

    async def _price(self, form: Form) -> None:
        if form.get('do') == 'make':
            product, amount = form.get('product', ''), form.get('amount', '')
            currency, attempt = form.get('currency', ''), form.get('attempt', '')
            made = await self._set_up.payments.make_price(product, amount, currency, attempt=attempt)
            self._notes = [f'The price was made: {made.product}, {made.money}.']
        else:
            self._notes = [f'Customers pay {await self._set_up.payments.use_price(form.get("price", ""))}.']

    async def _calendar(self, form: Form) -> None:
        await self._set_up.calendar.use_token(form.get('calendly_token', ''), none=form.get('do') == 'none')

    async def _event_type(self, form: Form) -> None:
        if form.get('do') == 'make':
            made = await self._set_up.calendar.make_event_type(form.get('name', ''))
            self._notes = [f'Made: {made.link}. Hide it and choose its place in Calendly > Event types.']
        else:
            self._notes = await self._set_up.calendar.use_link(form.get('link', ''))

    async def _address(self, form: Form) -> None:
        self._notes = await self._set_up.use_domain(form.get('domain', ''), port=self._port)

    async def _payments_webhook(self, form: Form) -> None:
        if form.get('do'):
            await self._set_up.payments.skip_endpoint(
                form.get('secret', '') if form['do'] == 'secret' else ''
            )
        else:
            self._notes = [(await self._set_up.payments.plan_endpoint()).words, AT_THE_END]

    async def _bookings_webhook(self, form: Form) -> None:
        if form.get('do') == 'none':
            await self._set_up.calendar.skip_subscription()
        else:
            self._notes = [(await self._set_up.calendar.plan_subscription()).words, AT_THE_END]

    async def _password(self, form: Form) -> None:
        await self._set_up.use_password(form.get('password', ''))

    async def _write(self, form: Form) -> None:
        written = await self._set_up.write(form.get('deletes', ''))
        self._notes, self.is_done = list(written.problems), True


def _finding(finding: Finding) -> Markup:
    look = 'alert' if finding.level is Level.WRONG else 'notice'
    text = f'{finding.part.capitalize()}: {finding.text}.'
    return h('div', h('p', text), h('p', finding.remedy), class_=look)


def _refuse_control_characters(form: Form) -> None:
    if any(unicodedata.category(character) == 'Cc' for value in form.values() for character in value):
        raise Refused(UNUSABLE)


def _is_from_here(request: Request) -> bool:
    """Whether a form was sent from a page of this server; all browsers send Origin with it."""
    return request.headers.get('origin', '').partition('://')[2] == request.headers.get('host')
