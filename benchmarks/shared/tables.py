"""Write figures as Markdown: medians in tables, and whether an aim is met."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Aim:
    """A limit that a figure has to keep."""

    what: str
    wanted: str
    measured: str
    met: bool

    def row(self) -> str:
        """Write it as a row of a table."""
        return f'| {self.what} | {self.wanted} | {self.measured} | {met(self.met)} |'


def at_most(what: str, measured: float, limit: float, unit: str, digits: int = 1) -> Aim:
    """Return an aim with an upper limit."""
    return Aim(what, f'at most {limit:g} {unit}', f'{measured:.{digits}f} {unit}', measured <= limit)


def at_least(what: str, measured: float, limit: float, unit: str, digits: int = 1) -> Aim:
    """Return an aim with a lower limit."""
    return Aim(what, f'at least {limit:g} {unit}', f'{measured:.{digits}f} {unit}', measured >= limit)


def met(is_met: bool) -> str:
    """Write whether an aim is met."""
    return 'met' if is_met else 'MISSED'


def p99(values: Sequence[float]) -> float:
    """Return the value that one in a hundred exceeds."""
    return quantiles(values, n=100)[98]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table."""
    lines = [f'| {" | ".join(heads)} |', f'|{"---|" * len(heads)}']
    return lines + [f'| {" | ".join(row)} |' for row in rows]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Write a median, followed by the least and the greatest value."""
    least, greatest = min(values), max(values)
    return f'{median(values):,.{digits}f} ({least:,.{digits}f}–{greatest:,.{digits}f})'
