"""What can be made to go wrong next: rules that are matched, used up and forgotten."""

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from services.sandbox.problems import Json

# what a rule may `do`, by what its `match` names: a request, a delivery, a payment
FAULTS: dict[str, dict[str, str]] = {
    'request': {
        'fail': 'answer with `status`, `code`, `message`, `retry_after`',
        'delay': 'wait `seconds`, then work as usual',
        'hang': 'do nothing and answer nothing for `seconds`, then drop the connection',
        'reset': 'drop the connection before any byte of an answer',
        'lose': 'do the work, then drop the connection instead of answering',
        'cut': 'do the work, send half of the answer, then drop the connection',
        'truncate': 'do the work, send half of the JSON as if it were all',
        'html': 'answer with an HTML page and `status` instead of JSON',
    },
    'webhook': {
        'lose': 'never deliver it',
        'hold': 'keep it until `POST /actions/release`',
        'delay': 'deliver it `seconds` later',
        'duplicate': 'deliver it twice',
        'reorder': 'deliver it after the next one',
    },
    'pay': {'decline': 'decline the next payment with `code`'},
}


@dataclass(slots=True)
class Rule:
    """One thing that shall go wrong: `match` is `METHOD /path`, `webhook <type>` or `pay`, with `*` anywhere.

    `times` counts down to nothing; None means for ever. `seconds` and `retry_after` are seconds.
    """

    match: str
    do: str
    times: int | None = 1
    status: int = 500
    code: str | None = None
    message: str | None = None
    seconds: float = 1.0
    retry_after: int | None = None

    def view(self) -> Json:
        """The rule as JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def realm(match: str) -> str:
    """Which of the three tables of actions a match belongs to."""
    head = match.split(' ', 1)[0]
    return head if head in ('webhook', 'pay') else 'request'


def parsed(raw: Json) -> Rule:
    """A rule from JSON; ValueError says what is wrong with it."""
    unknown = set(raw) - {field.name for field in fields(Rule)}
    if unknown or not {'match', 'do'} <= set(raw):
        raise ValueError(
            f'a rule has `match` and `do`; unknown here: {", ".join(sorted(unknown)) or "nothing"}'
        )
    rule = Rule(**raw)
    actions = FAULTS[realm(rule.match)]
    if rule.do not in actions:
        raise ValueError(f'`{rule.match}` can {", ".join(actions)}; not {rule.do}')
    return rule


class Faults:
    """The rules that are waiting to be met."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, raw: list[Any]) -> None:
        """Add rules; all or none."""
        self.rules += [parsed(item) for item in raw]

    def take(self, *subjects: str) -> Rule | None:
        """The first rule that meets any of the subjects, used once."""
        for rule in self.rules:
            if any(fnmatchcase(subject, rule.match) for subject in subjects):
                if rule.times is not None:
                    rule.times -= 1
                self.rules = [left for left in self.rules if left.times is None or left.times > 0]
                return rule
        return None

    def clear(self) -> None:
        """Forget all rules."""
        self.rules = []
