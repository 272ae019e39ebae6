"""Calendly's limit of API calls per user and minute, and the count of the calls that were received.

https://developer.calendly.com/api-docs/overview/rate-limits
"""

import re
from collections import Counter, deque
from datetime import datetime, timedelta
from math import ceil

from services.sandbox.types import Json

MINUTE = timedelta(minutes=1)
PLANS = {'free': 50, 'paid': 500}
"""The calls per minute of each plan, of all tokens and tools of one user together."""

LIMIT, REMAINING, RESET = (f'X-RateLimit-{name}' for name in ('Limit', 'Remaining', 'Reset'))
IDS = re.compile(r'/[0-9a-f]{8}-[0-9a-f-]{27}')


class RateLimit:
    """Count the calls of the current minute; it begins with the first call after the last minute."""

    def __init__(self, plan: str) -> None:
        self.plan = plan
        self.begin: datetime | None = None
        self.used = 0

    @property
    def limit(self) -> int:
        """How many calls a minute may have."""
        return PLANS[self.plan]

    def take(self, now: datetime) -> bool:
        """Count a call; return whether it is within the limit."""
        if self.begin is None or not self.begin <= now < self.begin + MINUTE:
            self.begin, self.used = now, 0
        self.used += 1
        return self.used <= self.limit

    def headers(self, now: datetime) -> dict[str, str]:
        """Return the headers that every answer has; the reset is in seconds from now."""
        rest = (self.begin or now) + MINUTE - now
        return {
            LIMIT: str(self.limit),
            REMAINING: str(max(0, self.limit - self.used)),
            RESET: str(max(0, ceil(rest.total_seconds()))),
        }


class ReceivedCalls:
    """Count all calls that were received, those too that were refused or lost."""

    def __init__(self) -> None:
        self.by_path: Counter[str] = Counter()
        self.most = 0
        self._minute: deque[datetime] = deque()

    def add(self, now: datetime, method: str, path: str) -> None:
        """Count a call; ids in its path become `{uuid}`."""
        self.by_path[f'{method} {IDS.sub("/{uuid}", path)}'] += 1
        self._minute.append(now)
        while now - self._minute[0] >= MINUTE:
            self._minute.popleft()
        self.most = max(self.most, len(self._minute))

    def view(self) -> Json:
        """Return all calls, the calls by path, and the most in any 60 seconds."""
        return {
            'total': self.by_path.total(),
            'by_path': dict(sorted(self.by_path.items())),
            'most_in_a_minute': self.most,
        }
