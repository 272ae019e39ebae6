"""Cancels meetings (POST /scheduled_events/…/cancellation, developer.calendly.com)."""

import enum
from dataclasses import dataclass
from urllib.parse import quote

from services.errors import CalendarRefused
from services.scheduling.api import CalendlyApi, has_status, words_of


class CancelResult(enum.Enum):
    """What Calendly said to a cancellation."""

    CANCELED = 'canceled'
    WAS_CANCELED = 'it was canceled before'
    OVER = 'the meeting is over'
    REFUSED = 'refused'


@dataclass(frozen=True)
class CancelAnswer:
    """The result of a cancellation, and Calendly's words where it refused."""

    result: CancelResult
    words: str = ''


class Cancellations:
    """Cancels meetings on behalf of the host."""

    def __init__(self, api: CalendlyApi) -> None:
        self._api = api

    async def cancel(self, invitee_id: str, reason: str) -> CancelAnswer:
        """Cancel the meeting of an invitee; Calendly writes to both sides.

        Calendly refuses with 403 for several reasons, which differ only by their words.

        Args:
            invitee_id: the URI of the invitee, which ends in ``/scheduled_events/…/invitees/…``.
            reason: for the invitee.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses the token.
        """
        event_id = quote(f'//{invitee_id}'.split('/')[-3], safe='')
        try:
            await self._api.ask('POST', f'/scheduled_events/{event_id}/cancellation', json={'reason': reason})
        except CalendarRefused as error:
            if has_status(error, 401):
                raise
            words = words_of(error)
            if has_status(error, 403) and 'already cancel' in words.lower():
                return CancelAnswer(CancelResult.WAS_CANCELED, words)
            if has_status(error, 403) and 'in the past' in words.lower():
                return CancelAnswer(CancelResult.OVER, words)
            return CancelAnswer(CancelResult.REFUSED, words or str(error))
        return CancelAnswer(CancelResult.CANCELED)
