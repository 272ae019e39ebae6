"""The hops of a rehearsal as lines for people, and as JSON for programs and for the ledger."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from services.rehearsal.hops import Hop, Outcome, Part

NAME_WIDTH = 48


def line_of(hop: Hop) -> str:
    """Return the line of a hop: its name, its time, and what became of it."""
    return f'  {hop.name:<{NAME_WIDTH}} {hop.milliseconds:>6} ms  {outcome_of(hop)}'


def outcome_of(hop: Hop) -> str:
    """Return what became of a hop, and why."""
    return f'{hop.outcome}: {hop.why}' if hop.why else str(hop.outcome)


def to_json(hops: Iterable[Hop]) -> str:
    """Write hops down."""
    return json.dumps([asdict(hop) for hop in hops])


def from_json(text: str) -> tuple[Hop, ...]:
    """Read hops that were written down.

    Raises:
        ValueError: the text holds something else.
    """
    try:
        return tuple(
            Hop(
                Part(item['part']),
                str(item['name']),
                Outcome(item['outcome']),
                str(item['why']),
                int(item['milliseconds']),
            )
            for item in json.loads(text)
        )
    except (LookupError, TypeError) as error:
        raise ValueError(f'these are no hops: {error!r}') from error
