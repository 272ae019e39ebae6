"""The hops of a rehearsal: each is tried, timed, and told as ok, failed or not possible."""

import asyncio
import enum
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import httpx

from services.errors import ShopError
from services.logs import mask_secrets

LONGEST_HOP = 30.0  # seconds; a hop that waits says so earlier, in its own words
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.4  # seconds between two looks at what a hop waits for
LONGEST_REASON = 300  # characters
NEEDS = 'it needs "{}"'  # the hop that it depends on


class Part(enum.StrEnum):
    """Which part of a rehearsal a hop belongs to."""

    SANDBOX = 'sandbox'
    TEST_KEYS = 'test keys'


class Outcome(enum.StrEnum):
    """What became of a hop."""

    OK = 'ok'
    FAILED = 'failed'
    NOT_POSSIBLE = 'not possible'


@dataclass(frozen=True)
class Hop:
    """One hop: its part and name, what became of it and why, and how many milliseconds it took."""

    part: Part
    name: str
    outcome: Outcome
    why: str
    milliseconds: int


class HopFailed(Exception):
    """A hop did not do what it should; the text says why."""


class HopNotPossible(Exception):
    """A hop cannot be tried here; the text says why. It is no failure."""


@dataclass(frozen=True)
class Step:
    """What a hop does; where one that others ``depend`` on is not ok, those after it are not tried."""

    name: str
    act: Callable[[], Awaitable[None]]
    others_depend: bool = False


async def walk(part: Part, steps: Iterable[Step], *, on_hop: Callable[[Hop], object]) -> list[Hop]:
    """Take the steps one after the other.

    Args:
        part: which part of the rehearsal they are.
        steps: in their order.
        on_hop: called with each hop as it ends.
    """
    hops: list[Hop] = []
    missing = ''
    for step in steps:
        if missing:
            hop = Hop(part, step.name, Outcome.NOT_POSSIBLE, NEEDS.format(missing), 0)
        else:
            hop = await _take(part, step)
            if step.others_depend and hop.outcome is not Outcome.OK:
                missing = step.name
        hops.append(hop)
        on_hop(hop)
    return hops


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float, why: Callable[[], str]) -> None:
    """Look again and again until something holds.

    Args:
        condition: asks for it.
        seconds: how long to wait.
        why: says what is wrong when it does not hold by then.

    Raises:
        HopFailed: it did not.
    """
    deadline, pause = time.monotonic() + seconds, FIRST_PAUSE
    while not await condition():
        if time.monotonic() > deadline:
            raise HopFailed(f'{why()} (within {seconds:g} s)')
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def has_failed(hops: Sequence[Hop]) -> bool:
    """Whether a rehearsal found something wrong; without any hop it did not even begin."""
    return not hops or any(hop.outcome is Outcome.FAILED for hop in hops)


async def _take(part: Part, step: Step) -> Hop:
    begun, outcome, why = time.monotonic(), Outcome.OK, ''
    try:
        async with asyncio.timeout(LONGEST_HOP):
            await step.act()
    except HopNotPossible as reason:
        outcome, why = Outcome.NOT_POSSIBLE, str(reason)
    except HopFailed as reason:
        outcome, why = Outcome.FAILED, str(reason)
    except TimeoutError:
        outcome, why = Outcome.FAILED, f'it took longer than {LONGEST_HOP:g} s'
    except (httpx.HTTPError, ShopError, LookupError, ValueError) as error:
        outcome, why = Outcome.FAILED, str(error) or type(error).__name__
    except Exception as error:  # whatever it is: the other hops are tried, and the operator reads it
        outcome, why = Outcome.FAILED, repr(error)
    milliseconds = round((time.monotonic() - begun) * 1000)
    return Hop(part, step.name, outcome, mask_secrets(' '.join(why.split()))[:LONGEST_REASON], milliseconds)
