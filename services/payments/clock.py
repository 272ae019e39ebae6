"""Stripe's clock, read from the Date header of its answers, and how far this machine's clock is from it."""

import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import stripe

log = logging.getLogger(__name__)

LIMIT = timedelta(seconds=60)
DATE_LENGTH = len('Sun, 06 Nov 1994 08:49:37 GMT')  # always (RFC 9110, 5.6.7)
NONE = timedelta()
WRONG = '%s: deliveries may be refused as too old or dated in the future. %s'
REMEDY = (
    'Turn on time synchronisation, for example: timedatectl set-ntp true. In a container or a virtual '
    'machine, correct the clock of the host.'
)


class StripeClock:
    """How far Stripe's clock is ahead of ours: negative if it is behind, zero if no difference is certain."""

    def __init__(self) -> None:
        self.skew = NONE
        self._is_wrong = False

    def read(self, date: str, *, sent: float, received: float) -> None:
        """Take Stripe's time from an answer, and log when the difference becomes too large, or small again.

        Args:
            date: the Date header, in whole seconds; '' or anything else says nothing. If something in between
                has added its own, the last one is Stripe's.
            sent: our time when the request was sent, in seconds since 1970.
            received: our time when the answer was there.
        """
        try:
            stamp = parsedate_to_datetime(date[-DATE_LENGTH:]).timestamp()
        except ValueError:
            return
        ahead, behind = max(0.0, stamp - received), min(0.0, stamp + 1 - sent)
        self.skew = timedelta(seconds=round(ahead or behind))
        if bool(self.problem) != self._is_wrong:
            self._is_wrong = bool(self.problem)
            if self._is_wrong:
                log.error(WRONG, self.problem, REMEDY)
            else:
                log.warning('the clock of this machine agrees with Stripe again')

    @property
    def problem(self) -> str:
        """What is wrong with our clock, '' while the difference is small."""
        if abs(self.skew) <= LIMIT:
            return ''
        where = 'behind' if self.skew > NONE else 'ahead of'
        return f'the clock of this machine is {abs(self.skew)} (h:mm:ss) {where} Stripe'


class DatedClient(stripe.HTTPXClient):
    """The SDK's HTTP client; it reads the Date header of every answer."""

    def __init__(self, clock: StripeClock, **options: Any) -> None:
        super().__init__(**options)
        self._clock = clock

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request."""
        sent = time.time()
        answer = await super().request_async(method, url, headers, post_data)
        self._clock.read(answer[2].get('date', ''), sent=sent, received=time.time())
        return answer
