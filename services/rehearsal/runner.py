"""Rehearsals from the admin: at once, or every night; of several processes only one carries each out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from functools import partial

from services.background import Background
from services.errors import ShopError
from services.ledger import Alert, Ledger, Rehearsal
from services.orders import AlertKind
from services.rehearsal.child import Report, rehearse
from services.rehearsal.hops import Hop, Outcome, has_failed
from services.rehearsal.report import from_json, to_json
from services.settings import Settings

log = logging.getLogger(__name__)

SWITCH = 'rehearsal every night'
FIRST_TIME = time(3)
FORM = '%H:%M'
EVERY = 20.0  # seconds
LATE = timedelta(hours=1)  # a shop that was down at the time of the night rehearses until then, not later
SCHEDULE = 'the schedule'  # the actor of a rehearsal at night
NAMED_IN_ALERT = 3  # hops
UNREADABLE = 'another version of the shop has made it, and its steps cannot be read: rehearse again'
TRIES = 2  # of a rehearsal whose process dies


@dataclass(frozen=True)
class Schedule:
    """Whether a rehearsal is made every night, and at which time of the shop's zone; who has set it."""

    is_on: bool
    at: time
    actor: str = ''


@dataclass(frozen=True)
class Ended:
    """A rehearsal that is over."""

    at: datetime
    actor: str
    hops: tuple[Hop, ...]
    problem: str

    @property
    def has_failed(self) -> bool:
        """Whether something is wrong, or was not rehearsed to the end."""
        return bool(self.problem) or has_failed(self.hops)


class RehearsalRunner:
    """Carries out the rehearsals that are wanted, and wants one every night if the operator says so."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        run: Callable[[], Awaitable[Report]],
        zone: Callable[[], tzinfo],
        clock: Callable[[], datetime],
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            ledger: has the schedule and the results.
            run: makes one rehearsal.
            zone: returns the time zone of the shop.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._rehearse = run
        self._zone = zone
        self._clock = clock
        self._wanted = asyncio.Event()
        self._background = Background(self._run)

    def start(self) -> None:
        """Begin at once, and go on until stopped."""
        self._background.start()

    async def stop(self) -> None:
        """Stop; a rehearsal under way is stopped too."""
        await self._background.stop()

    async def want(self, form: str, *, actor: str) -> None:
        """Have a rehearsal made now, unless one is under way.

        Args:
            form: a random id of the form, so that a double click is one rehearsal.
            actor: who wants it.
        """
        rehearsal_id = f'form.{form}'[:64]
        if await self._ledger.rehearsals.want(rehearsal_id, actor=actor, line='a rehearsal now'):
            self._wanted.set()

    async def schedule(self) -> Schedule:
        """Return when a rehearsal is made every night."""
        switch = await self._ledger.switches.find(SWITCH)
        if switch is None:
            return Schedule(is_on=False, at=FIRST_TIME)
        return Schedule(switch.is_on, parse_time(switch.text) or FIRST_TIME, switch.actor)

    async def set_schedule(self, at: time | None, *, actor: str) -> None:
        """Have a rehearsal made every night, or no longer.

        Args:
            at: the time in the zone of the shop; None for no longer.
            actor: who decides it.
        """
        is_on = at is not None
        text = f'{at or (await self.schedule()).at:{FORM}}'
        line = f'a rehearsal every night at {text}' if is_on else 'no rehearsal at night any more'
        await self._ledger.switches.set(SWITCH, is_on=is_on, text=text, actor=actor, line=line)

    async def newest(self) -> tuple[datetime | None, Ended | None]:
        """Return since when a rehearsal is under way, and the last one that is over."""
        under_way, last = await self._ledger.rehearsals.newest()
        ended = None
        if last and last.finished_at:
            try:
                hops, problem = from_json(last.hops), last.problem
            except ValueError:  # a process of another version has written it
                hops, problem = (), last.problem or UNREADABLE
            ended = Ended(last.finished_at, last.actor, hops, problem)
        return under_way.wanted_at if under_way else None, ended

    async def round(self) -> bool:
        """Want the rehearsal of this night if it is time, and carry out what is wanted.

        Returns:
            Whether one was carried out.
        """
        schedule = await self.schedule()
        night = self._night(schedule.at) if schedule.is_on else None
        if night:
            await self._ledger.rehearsals.want(f'night.{night:%Y-%m-%d}', actor=SCHEDULE)
        rehearsal = await self._ledger.rehearsals.claim()
        if rehearsal is None:
            return False
        if rehearsal.tries > TRIES:
            await self._finish(rehearsal, Report((), 'the process that rehearsed has died'))
        else:
            await self._finish(rehearsal, await self._rehearse())
        return True

    def _night(self, at: time) -> datetime | None:
        """Return the last time of the schedule, None if it was too long ago."""
        now, zone = self._clock(), self._zone()
        today = now.astimezone(zone).date()
        for day in (today, today - timedelta(days=1)):
            due = datetime.combine(day, at, zone)
            if timedelta() <= now - due < LATE:
                return due
        return None

    async def _finish(self, rehearsal: Rehearsal, report: Report) -> None:
        ended = Ended(self._clock(), rehearsal.actor, report.hops, report.problem)
        alert = None
        if ended.has_failed and rehearsal.actor == SCHEDULE:
            alert = Alert(f'rehearsal.{rehearsal.id}', AlertKind.REHEARSAL, None, summary(ended))
        if ended.has_failed:
            log.warning('the rehearsal of %s: %s', rehearsal.actor, summary(ended))
        await self._ledger.rehearsals.finish(
            rehearsal, hops=to_json(report.hops), problem=report.problem, alert=alert
        )

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self.round()
            except Exception as error:  # whatever it is: the next round tries again
                if not (isinstance(error, ShopError) and error.is_logged):
                    log.exception('rehearsing failed unexpectedly')
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._wanted.wait()


def build_runner(
    ledger: Ledger, settings: Settings, *, zone: Callable[[], tzinfo], clock: Callable[[], datetime]
) -> RehearsalRunner:
    """Make the runner of a shop: only with test keys does it go beyond the sandbox.

    Args:
        ledger: has the schedule and the results.
        settings: say which keys the shop has.
        zone: returns the time zone of the shop.
        clock: the present time in UTC.
    """
    run = partial(rehearse, with_test_keys=settings.mode == 'test')
    return RehearsalRunner(ledger, run=run, zone=zone, clock=clock)


def parse_time(text: str) -> time | None:
    """Read a time of the day such as 03:00; None if it is none."""
    try:
        return datetime.strptime(text, FORM).time()  # noqa: DTZ007  # only its time is used
    except ValueError:
        return None


def summary(ended: Ended) -> str:
    """Say in a sentence what a rehearsal has found wrong."""
    failed = [f'"{hop.name}": {hop.why}' for hop in ended.hops if hop.outcome is Outcome.FAILED]
    more = [f'and {len(failed) - NAMED_IN_ALERT} more'] if len(failed) > NAMED_IN_ALERT else []
    return '; '.join([*filter(None, [ended.problem]), *failed[:NAMED_IN_ALERT], *more])
