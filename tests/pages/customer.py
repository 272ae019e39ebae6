"""A customer with an open page: reads it, presses its buttons, follows its redirects."""

import asyncio
import html
import re
from collections.abc import Callable

import httpx
from nicegui import Client, ui
from nicegui.element import Element
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction

from tests.processes import wait_until
from ui.components.elements import Static, Tag

TIMEOUT = 8.0  # seconds


class Customer:
    """One tab; requests outside a page, such as a form post, go through ``http``."""

    def __init__(self, user: User) -> None:
        self._user = user
        self.http: httpx.AsyncClient = user.http_client

    @property
    def client(self) -> Client:
        """The open page, as NiceGUI keeps it."""
        assert self._user.client is not None
        return self._user.client

    async def open(self, path: str) -> None:
        """Open a page and connect to it; the handshake brings the cookies, as a browser's does."""
        await self._user.open(path)
        cookies = '; '.join(f'{name}={value}' for name, value in self.http.cookies.items())
        self.client.environ = {**(self.client.environ or {}), 'HTTP_COOKIE': cookies}

    @property
    def text(self) -> str:
        """All that can be read on the page."""
        return '\n'.join(readable(element) for element in self._all())

    @property
    def buttons(self) -> list[Tag]:
        """The pay buttons, top to bottom."""
        return [element for element in self._all() if isinstance(element, Tag) and element.tag == 'button']

    @property
    def alerts(self) -> list[str]:
        """What the alerts say, top to bottom; '' for one that is empty."""
        return [readable(element) for element in self._all() if element.props.get('role') == 'alert']

    @property
    def frames(self) -> list[Element]:
        """The frames on the page."""
        return [element for element in self._all() if element.tag == 'iframe']

    def field(self, name: str) -> list[str]:
        """The values of the form fields with a name, top to bottom."""
        markup = '\n'.join(element.content for element in self._all() if isinstance(element, Static))
        return re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)">', markup)

    def press(self, number: int = 0) -> None:
        """Press a pay button; do not wait for what it does."""
        UserInteraction(self._user, {self.buttons[number]}, None).click()

    async def pressed(self, number: int = 0) -> None:
        """Press a pay button and wait until it can be pressed again, or the tab was redirected."""
        before = len(self.left_for)
        self.press(number)
        await asyncio.sleep(0)  # the handler begins in a task of its own
        await self.until(lambda: len(self.left_for) > before or self.is_usable(number))

    def is_usable(self, number: int = 0) -> bool:
        """Whether a pay button can be pressed."""
        return not {'aria-disabled', 'disabled'} & self.buttons[number].props.keys()

    @property
    def left_for(self) -> list[str]:
        """The URLs this tab was redirected to."""
        outbox = self.client.outbox
        sent = [message for _, _, message in outbox.message_history] + list(outbox.messages)
        return [data['path'] for _, kind, data in sent if kind == 'open']

    async def tick(self) -> None:
        """Run the timers of the page once."""
        for element in list(self._all()):
            if isinstance(element, ui.timer) and element.callback:
                with self.client:
                    await element.callback()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, or fail."""
        loop = asyncio.get_running_loop()

        async def holds() -> bool:
            return condition()

        def check() -> bool:
            return asyncio.run_coroutine_threadsafe(holds(), loop).result(TIMEOUT)

        await asyncio.to_thread(wait_until, check, seconds=TIMEOUT, why='the page changes')

    def _all(self) -> list[Element]:
        return list(self.client.layout.descendants())


def readable(element: Element) -> str:
    """The text of one element, without markup."""
    if isinstance(element, Static):
        return words(element.content)
    return element.text if isinstance(element, Tag) else ''


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    """Return the content security policy of an answer: directives and their sources."""
    parts = answer.headers['content-security-policy'].split('; ')
    return {name: sources for name, *sources in map(str.split, parts)}


def words(markup: str) -> str:
    """The text that HTML shows: no head, no tags, entities resolved, one blank between words."""
    body = re.sub(r'(?s)<(head|style|script)\b.*?</\1>', ' ', markup)
    inline = re.sub(r'</?(?:a|strong|span)\b[^>]*>', '', body)
    return ' '.join(html.unescape(re.sub(r'<[^>]*>', ' ', inline)).split())
