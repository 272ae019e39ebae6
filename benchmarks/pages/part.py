"""What each part of the page benchmark returns."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.shared.tables import Aim


@dataclass(frozen=True)
class Part:
    """A section of the results: its title, its figures as lines of Markdown, and its aims."""

    title: str
    lines: Sequence[str]
    aims: Sequence[Aim]
