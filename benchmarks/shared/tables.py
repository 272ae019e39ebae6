"""What measurements come to: medians in tables, and whether an aim is met."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Aim:
    """One thing that was to be shown."""

    what: str
    wanted: str
    seen: str
    met: bool

    def row(self) -> str:
        """Write it as a row of a table."""
        return f'| {self.what} | {self.wanted} | {self.seen} | {"met" if self.met else "MISSED"} |'


@dataclass(frozen=True)
class Part:
    """One part of a run: what was measured, as lines of Markdown, and what it says about the aims."""

    title: str
    lines: Sequence[str]
    aims: Sequence[Aim]


def at_most(what: str, seen: float, limit: float, unit: str, digits: int = 1) -> Aim:
    """An aim that is met from a limit downwards."""
    return Aim(what, f'at most {limit:g} {unit}', f'{seen:.{digits}f} {unit}', seen <= limit)


def at_least(what: str, seen: float, limit: float, unit: str, digits: int = 1) -> Aim:
    """An aim that is met from a limit upwards."""
    return Aim(what, f'at least {limit:g} {unit}', f'{seen:.{digits}f} {unit}', seen >= limit)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table."""
    lines = [f'| {" | ".join(heads)} |', f'|{"---|" * len(heads)}']
    return lines + [f'| {" | ".join(row)} |' for row in rows]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Write a median, with the least and the greatest behind it."""
    least, greatest = min(values), max(values)
    return f'{median(values):,.{digits}f} ({least:,.{digits}f}–{greatest:,.{digits}f})'
