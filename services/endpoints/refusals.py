"""Refused deliveries: a log line for each cause in ten minutes, and whether the secret is wrong."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.errors import BadRequest, NotSigned, WrongClock, WrongSecret
from services.ledger import Source

log = logging.getLogger(__name__)

PAUSE = 600.0  # seconds between two lines about the same cause
SETTING = {Source.STRIPE: 'STRIPE_WEBHOOK_SECRET', Source.CALENDLY: 'CALENDLY_WEBHOOK_SIGNING_KEY'}
SECRET = {
    Source.STRIPE: 'the signing secret of this endpoint (Stripe Dashboard > Developers > Webhooks)',
    Source.CALENDLY: 'the signing_key of the webhook subscription at Calendly',
}


@dataclass
class _Count:
    """When a cause was logged, and how many refusals came since."""

    logged_at: float
    since: int = 0


class Refusals:
    """Logs why deliveries are refused, for the operator: a secret or a clock may be wrong.

    ``wrong_secrets`` has the vendors whose last delivery to this process matched no secret.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it.

        Args:
            clock: seconds, from any beginning.
        """
        self._clock = clock
        self.wrong_secrets: set[Source] = set()
        self._counts: dict[tuple[Source, type[BadRequest]], _Count] = {}

    def log(self, source: Source, error: BadRequest) -> None:
        """Log a refusal, unless its cause was logged within the last ten minutes; remember a wrong secret."""
        if isinstance(error, WrongSecret):
            if error.is_plausible:
                self.wrong_secrets.add(source)
        elif type(error) is not NotSigned:
            self.accept(source)
        key, now = (source, type(error)), self._clock()
        count = self._counts.get(key)
        if count and now - count.logged_at < PAUSE:
            count.since += 1
            return
        self._counts[key] = _Count(now)
        more = f' ({count.since} more of the same since the last such line)' if count and count.since else ''
        log.warning('a delivery at /webhooks/%s was refused: %s%s', source, _reason(source, error), more)

    def accept(self, source: Source) -> None:
        """Note that a signature was right."""
        self.wrong_secrets.discard(source)


def _reason(source: Source, error: BadRequest) -> str:
    """Say what is wrong, and what helps."""
    if isinstance(error, WrongSecret):
        return (
            f'no signature matches, so the secret is wrong. Set {SETTING[source]} to {SECRET[source]}. '
            'While two secrets are in use, set both, with a comma in between'
        )
    if isinstance(error, WrongClock):
        when = f'{error.age} s ago' if error.age > 0 else f'{-error.age} s ahead'
        return (
            f'its signature is right, but it is dated {when}: a clock is off, or an old delivery was sent '
            "again. Let NTP set this machine's clock"
        )
    if isinstance(error, NotSigned):
        return 'it has no signature that can be read, so it does not come from the vendor'
    return f'it is signed, but cannot be read: {error}'
