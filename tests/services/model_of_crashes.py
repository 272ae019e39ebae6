"""The model's part about the process: it dies at a step of what it does."""

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, TypeVar

from services.errors import CalendarUnavailable
from services.mail import Result
from services.shop import Shop
from tests.services.model_of_links import MAKE_SHARE

T = TypeVar('T')


class Crash(BaseException):
    """The process dies; no handler in the shop catches this."""


class CrashPoint:
    """Crashes a shop after a number of steps: before or after a commit or a mail, or before a request."""

    def __init__(self, shop: Shop) -> None:
        self.steps_left: int | None = None
        self.mail_is_unmarked = False
        self.links_cut_off = 0  # requests for a link without an answer
        self.has_new_link = False  # a link was made, and nothing was committed since
        store, stripe, calendly = shop.ledger.store, shop.payments._api, shop.scheduling._api
        write, request, ask = store.write, stripe._request, calendly.ask

        async def write_in_steps(work: Callable[..., T]) -> T:
            self.step()
            done = await write(work)
            self.has_new_link = False
            self.step()
            return done

        def request_in_steps(permission: str) -> Any:
            self.step()
            return request(permission)

        sender = shop.mail_sender
        assert sender is not None
        send = sender._client.send

        async def send_in_steps(mail: EmailMessage, *, to: str) -> Result:
            self.step()
            self.mail_is_unmarked = True
            result = await send(mail, to=to)
            self.step()
            return result

        async def ask_in_steps(method: str, path: str, **options: Any) -> Any:
            self.step()
            try:
                answer = await ask(method, path, **options)
                self.has_new_link |= (method, path) == MAKE_SHARE
                return answer
            except CalendarUnavailable:
                self.links_cut_off += (method, path) == MAKE_SHARE
                raise

        sender._client.send = send_in_steps  # type: ignore[method-assign]
        store.write = write_in_steps  # type: ignore[method-assign]
        calendly.ask = ask_in_steps  # type: ignore[method-assign]
        stripe._request = request_in_steps  # type: ignore[method-assign]

    def step(self) -> None:
        """Count a step; crash if none is left."""
        if self.steps_left is not None:
            if self.steps_left <= 0:
                raise Crash
            self.steps_left -= 1
