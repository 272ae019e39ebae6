"""The whole life of an order against the sandbox, as a browser and a mailbox see it, over HTTP alone."""

import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from services.rehearsal.hops import Hop, HopFailed, Part, Step, until, walk
from services.rehearsal.pages import Page

PAYMENT_PAGE = re.compile(r'/stripe/pay/(cs_\w+)')
ORDER_PAGE = re.compile(r'/order/[\w-]+')
CALENDAR = re.compile(r'/calendly/d/')
MEETING = re.compile(r'^UID:([\w-]+)@', re.MULTILINE)  # Calendly's id of the invitee
PAID, REFUNDED = 'Payment Successful', 'refunded'
PHONE = '+12025550123'
HOP_TIMEOUT = 10.0  # seconds that a hop waits for what another part of the shop must do


class OrderLife:
    """One order, from the start page to the refund; each method below `walk` is a hop."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        shop: str,
        sandbox: str,
        password: str,
        timeout: Callable[[], float] = lambda: HOP_TIMEOUT,
    ) -> None:
        """Make it; nothing is requested yet.

        Args:
            http: a client without cookies.
            shop: the address of a running shop that uses the sandbox.
            sandbox: the address of the sandbox, which delivers its webhooks to the shop.
            password: opens the admin of the shop.
            timeout: returns how many seconds the present hop waits.
        """
        self._http = http
        self._shop = shop
        self._sandbox = sandbox
        self._password = password
        self._timeout = timeout
        name = secrets.token_hex(4)
        self._who = {'name': f'Rehearsal {name}', 'email': f'rehearsal-{name}@example.com', 'phone': PHONE}
        self._pay_form: dict[str, str] = {}
        self._session = ''
        self._order = ''  # the path of its page
        self._reference = ''
        self._calendar = ''
        self._invitee = ''  # Calendly's URI of it

    async def walk(self, *, on_hop: Callable[[Hop], object]) -> list[Hop]:
        """Walk the order's life.

        Args:
            on_hop: called with each hop as it ends.
        """
        steps = (
            Step('The shop starts', self._wait_for_shop, others_depend=True),
            Step('The start page shows the price', self._open_start_page, others_depend=True),
            Step('A session is opened at Stripe', self._open_session, others_depend=True),
            Step('A test card pays it', self._pay, others_depend=True),
            Step('The webhook of the payment arrives', self._payment_is_delivered),
            Step('The page of the order says that it is paid', self._come_back, others_depend=True),
            Step('The order gets its calendar link', self._find_calendar, others_depend=True),
            Step('The mail with the link of the order arrives', self._paid_mail_arrives),
            Step('A time is booked', self._book, others_depend=True),
            Step('The webhook of the booking arrives', self._booking_is_delivered),
            Step('The order has the meeting', self._meeting_is_known),
            Step('The meeting is moved', self._move),
            Step('The operator signs in', self._sign_in, others_depend=True),
            Step('The operator cancels the meeting', self._cancel),
            Step('The operator refunds the payment', self._refund, others_depend=True),
            Step('The page of the order says that it is refunded', self._refund_is_known),
            Step('The mail about the refund arrives', self._refund_mail_arrives),
        )
        return await walk(Part.SANDBOX, steps, on_hop=on_hop)

    async def _wait_for_shop(self) -> None:
        async def answers() -> bool:
            try:
                return (await self._get('/healthz')).is_success
            except httpx.TransportError:
                return False

        await self._until(answers, lambda: 'nothing answers')

    async def _open_start_page(self) -> None:
        async def has_price() -> bool:
            page = Page((await self._get('/')).text)
            self._pay_form = page.form('/checkout')
            return bool(self._pay_form.get('shown'))

        await self._until(has_price, lambda: 'the pay button has no price: the price cannot be read')

    async def _open_session(self) -> None:
        answer = await self._post('/checkout', self._pay_form)
        where = answer.headers.get('location', '')
        found = PAYMENT_PAGE.search(where)
        if found is None:
            words = Page((await self._get(where)).text).alert if where.startswith('/') else ''
            raise HopFailed(words or f'the pay button led to status {answer.status_code}')
        self._session = found[1]

    async def _pay(self) -> None:
        answer = await self._act('pay', session=self._session, **self._who)
        if answer['outcome'] != 'paid':
            raise HopFailed(f'the payment was {answer["outcome"]}: {answer["message"]}')

    async def _payment_is_delivered(self) -> None:
        await self._until_delivered('checkout.session.completed', self._session)

    async def _come_back(self) -> None:
        answer = await self._get(f'/success?session_id={self._session}')
        self._order = answer.headers.get('location', '')
        if not ORDER_PAGE.fullmatch(self._order):
            raise HopFailed(Page(answer.text).alert or f'the way back led to status {answer.status_code}')
        await self._until_page_says(PAID)

    async def _find_calendar(self) -> None:
        async def has_calendar() -> bool:
            page = Page((await self._get(self._order)).text)
            self._calendar = next(filter(CALENDAR.search, page.addresses), '')
            return bool(self._calendar)

        await self._until(has_calendar, lambda: 'the page of the order shows no calendar of its own')

    async def _paid_mail_arrives(self) -> None:
        await self._until_mailed(lambda mail: self._order in mail['text'])

    async def _book(self) -> None:
        self._invitee = (await self._act('book', url=self._calendar, **self._who))['uri']

    async def _booking_is_delivered(self) -> None:
        await self._until_delivered('invitee.created', '')

    async def _meeting_is_known(self) -> None:
        async def is_known() -> bool:
            return await self._meeting_in_file() == self._invitee.rpartition('/')[2]

        await self._until(is_known, lambda: 'the page of the order does not have it')

    async def _move(self) -> None:
        self._invitee = (await self._act('reschedule', invitee=self._invitee))['uri']
        await self._meeting_is_known()

    async def _sign_in(self) -> None:
        answer = await self._post('/admin/login', {'password': self._password})
        if answer.headers.get('location') != '/admin':
            raise HopFailed(f'the sign-in page answered with status {answer.status_code}')
        sessions = (await self._state())['sessions']
        self._reference = next(
            item['metadata']['reference'] for item in sessions if item['id'] == self._session
        )

    async def _cancel(self) -> None:
        await self._send_admin_form('cancel-booking')

        async def is_canceled() -> bool:
            invitees = (await self._state())['invitees']
            at_calendly = [item['status'] for item in invitees if item['uri'] == self._invitee]
            return at_calendly == ['canceled'] and not await self._meeting_in_file()

        await self._until(is_canceled, lambda: 'the meeting still takes place')

    async def _refund(self) -> None:
        await self._send_admin_form('refund')

        async def is_refunded() -> bool:
            state = await self._state()
            paid = next(item['payment_intent'] for item in state['sessions'] if item['id'] == self._session)
            return any(
                item['payment_intent'] == paid and item['status'] == 'succeeded' for item in state['refunds']
            )

        await self._until(is_refunded, lambda: 'the money has not gone back')

    async def _refund_is_known(self) -> None:
        await self._until_page_says(REFUNDED)

    async def _refund_mail_arrives(self) -> None:
        await self._until_mailed(lambda mail: REFUNDED in mail['subject'].lower())

    async def _until_delivered(self, kind: str, about: str) -> None:
        """Wait for a delivery.

        Args:
            kind: the type of the event.
            about: the id of its object, '' where there is only one of this kind.
        """
        answers: list[object] = []

        async def is_delivered() -> bool:
            state = await self._state()
            ids = {item['id'] for item in state['events'] if item['object']['id'] == about}
            sent = [each for each in state['deliveries'] if each['type'] == kind]
            ours = [each for each in sent if not about or each['id'] in ids]
            answers[:] = [status for each in ours for status in each['statuses']]
            return any(each['state'] == 'delivered' for each in ours)

        def why() -> str:
            return (
                f'the shop answered {", ".join(map(str, answers))}' if answers else 'it was lost on the way'
            )

        await self._until(is_delivered, why)

    async def _until_mailed(self, is_it: Callable[[dict[str, Any]], bool]) -> None:
        async def is_there() -> bool:
            mails = (await self._state())['mails']
            return any(mail['to'] == self._who['email'] and is_it(mail) for mail in mails)

        await self._until(is_there, lambda: 'the mail server has not got it')

    async def _until_page_says(self, words: str) -> None:
        text = ''

        async def says() -> bool:
            nonlocal text
            text = Page((await self._get(self._order)).text).text
            return words.lower() in text.lower()

        await self._until(says, lambda: f'it says: {text[:80]}…')

    async def _until(self, condition: Callable[[], Awaitable[bool]], why: Callable[[], str]) -> None:
        await until(condition, seconds=self._timeout(), why=why)

    async def _send_admin_form(self, action: str) -> None:
        """Send a form of the order's page in the admin, as it is when it is opened."""
        path = f'/admin/orders/{self._reference}'
        form = Page((await self._get(path)).text).form(f'{path}/{action}')
        answer = await self._post(f'{path}/{action}', form)
        if answer.status_code != 303:
            raise HopFailed(f'the form answered with status {answer.status_code}')

    async def _meeting_in_file(self) -> str:
        """Return the invitee whose meeting is in the order's calendar file; '' without a meeting."""
        answer = await self._get(f'{self._order}/session.ics')
        found = MEETING.search(answer.text) if answer.status_code == 200 else None
        return found[1] if found else ''

    async def _get(self, path: str) -> httpx.Response:
        return await self._http.get(self._shop + path)

    async def _post(self, path: str, form: dict[str, str]) -> httpx.Response:
        return await self._http.post(self._shop + path, data=form, headers={'origin': self._shop})

    async def _act(self, action: str, **params: Any) -> dict[str, Any]:
        """Do what happens outside of the shop; the sandbox says why it cannot be done."""
        answer = await self._http.post(f'{self._sandbox}/actions/{action}', json=params)
        data: dict[str, Any] = answer.json()
        if not answer.is_success:
            raise HopFailed(str(data.get('error')))
        return data

    async def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = (await self._http.get(f'{self._sandbox}/state')).json()
        return state
