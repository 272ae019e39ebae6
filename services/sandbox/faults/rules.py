"""Fault rules: which request, webhook or payment fails next, how, and how often."""

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from services.sandbox.types import Json

# What a rule may `do`, by what its `match` names: a request, a webhook delivery, a mail or a payment.
# Carried out in faults/middleware.py and faults/connection.py (request), webhooks.py (webhook),
# mail/server.py (mail), stripe/payments.py (pay).
FAULTS: dict[str, dict[str, str]] = {
    'request': {
        'fail': 'respond with `status`, `code`, `message`, `retry_after`',
        'delay': 'wait `seconds`, then handle the request as usual',
        'hang': 'send no response for `seconds`, then drop the connection; the request is not handled',
        'reset': 'drop the connection at once; the request is not handled',
        'lose': 'handle the request, then drop the connection instead of sending the response',
        'cut': 'handle the request, send half of the response, then drop the connection',
        'truncate': 'handle the request, send half of the JSON as a complete response',
        'body': 'respond with `status` and `message` as the whole body; the request is not handled',
        'html': 'respond with an HTML page and `status` instead of JSON',
    },
    'webhook': {
        'lose': 'never deliver it',
        'hold': 'hold it until `POST /actions/release`',
        'delay': 'deliver it `seconds` later',
        'duplicate': 'deliver it twice',
        'reorder': 'deliver it after the next one',
    },
    'mail': {
        'fail': 'refuse the recipient with `status`: 550 for good, 451 for now',
        'reject': 'refuse the mail with `status` after DATA',
        'delay': 'wait `seconds` before the answer to the mail',
        'reset': 'drop the connection after DATA; the mail is not kept',
        'lose': 'keep the mail, and drop the connection instead of the answer',
    },
    'pay': {'decline': 'decline the next payment with `code`'},
}


@dataclass(slots=True)
class Rule:
    """One fault; `match` is `METHOD /path`, `webhook <type>`, `mail <address>` or `pay`.

    In it `*` matches anything. The rule applies `times` times, with None always. `seconds`
    and `retry_after` are in seconds.
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
        """Return the rule as JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def kind_of(match: str) -> str:
    """Return the kind of a rule: `request`, `webhook`, `mail` or `pay`."""
    head = match.split(' ', 1)[0]
    return head if head in ('webhook', 'mail', 'pay') else 'request'


def parse(raw: Json) -> Rule:
    """Parse a rule.

    Raises:
        ValueError: a name is missing or unknown, or this kind of rule cannot do that.
    """
    unknown = set(raw) - {field.name for field in fields(Rule)}
    if unknown or not {'match', 'do'} <= set(raw):
        raise ValueError(
            f'a rule has `match` and `do`; unknown here: {", ".join(sorted(unknown)) or "nothing"}'
        )
    rule = Rule(**raw)
    known = FAULTS[kind_of(rule.match)]
    if rule.do not in known:
        raise ValueError(f'`{rule.match}` can {", ".join(known)}; not {rule.do}')
    return rule


class Faults:
    """The active rules."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, raw: list[Any]) -> None:
        """Add rules, all or none."""
        self.rules += [parse(item) for item in raw]

    def take(self, *subjects: str) -> Rule | None:
        """Return the first rule that matches a subject, and count that use."""
        for rule in self.rules:
            if any(fnmatchcase(subject, rule.match) for subject in subjects):
                if rule.times is not None:
                    rule.times -= 1
                self.rules = [item for item in self.rules if item.times is None or item.times > 0]
                return rule
        return None

    def clear(self) -> None:
        """Delete all rules."""
        self.rules = []
