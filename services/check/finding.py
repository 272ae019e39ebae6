"""What a check finds: one line about one thing."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from services.health import Check


class Level(StrEnum):
    """How bad a finding is."""

    OK = 'ok'
    WARNING = 'warning'
    WRONG = 'wrong'


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
        part: what was checked.
        level: how bad it is.
        text: what was found.
        remedy: what the operator can do about it, '' where nothing is to be done.
    """

    part: str
    level: Level
    text: str
    remedy: str = ''


def ok(part: str, text: str, remedy: str = '') -> Finding:
    """Make a finding about something that works."""
    return Finding(part, Level.OK, text, remedy)


def warning(part: str, text: str, remedy: str) -> Finding:
    """Make a finding about something that the operator should know."""
    return Finding(part, Level.WARNING, text, remedy)


def wrong(part: str, text: str, remedy: str) -> Finding:
    """Make a finding about something that does not work."""
    return Finding(part, Level.WRONG, text, remedy)


def of_health(part: str, check: Check, text: str, *, level: Level = Level.WRONG) -> Finding:
    """Make a finding of a health check, with the same words.

    Args:
        part: what was checked.
        check: the health check.
        text: what to say where nothing is wrong.
        level: of a problem.
    """
    return Finding(part, level, check.problem, check.remedy) if check.problem else ok(part, text)


def has_wrong(findings: Iterable[Finding]) -> bool:
    """Say whether anything is wrong; warnings do not count."""
    return any(finding.level is Level.WRONG for finding in findings)


def summary(findings: Iterable[Finding]) -> str:
    """Say in one sentence how it stands."""
    levels = [finding.level for finding in findings]
    wrong, warnings = levels.count(Level.WRONG), levels.count(Level.WARNING)
    if wrong:
        return f'{wrong} {"thing is" if wrong == 1 else "things are"} wrong, and {warnings} worth a look.'
    return 'Nothing is wrong' + (f'; {warnings} worth a look.' if warnings else '.')
