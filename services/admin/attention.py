"""Needs a hand: what the operator should look at, each in a sentence, with the one thing to do."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from services.admin.attention_words import TITLES, Action, action_of, sentence_of, url_of
from services.health import Check
from services.ledger import Ledger
from services.ledger.attention import Decision, Matters, SetAside
from services.ledger.matters import AttentionKind, Matter
from services.orders import Environment

SHOWN = 20  # items of a kind; all are counted


@dataclass(frozen=True)
class AttentionItem:
    """One thing that needs a hand.

    Attributes:
        key: names it and its cause, for "snooze" and "done".
        kind: what is the matter.
        sentence: the reason, in words.
        since: since when in UTC, None where that is not known.
        action: the one sensible thing to do.
        remedy: how to do it, in words; '' where the action says it.
        url: where the action leads to outside, '' where it does not.
        reference: of the order that it concerns, '' where there is none.
        name: of the customer or of who booked.
        deadline: until when, in UTC.
        target: the id of the mail, effect, delivery or meeting that it is about.
    """

    key: str
    kind: AttentionKind
    sentence: str
    since: datetime | None
    action: Action
    remedy: str = ''
    url: str = ''
    reference: str = ''
    name: str = ''
    deadline: datetime | None = None
    target: str = ''


@dataclass(frozen=True)
class AttentionGroup:
    """The items of one kind: the first of them, and how many there are in all."""

    kind: AttentionKind
    title: str
    total: int
    items: tuple[AttentionItem, ...]


@dataclass(frozen=True)
class NeedsHand:
    """Everything that needs a hand, the most urgent kind first; without what is snoozed or done."""

    groups: tuple[AttentionGroup, ...]

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(group.total for group in self.groups)


class AttentionReader:
    """Reads what needs a hand, and sets aside what the operator snoozes or has done."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        environment: Callable[[], Environment],
        bookings_known: Callable[[], bool],
    ) -> None:
        """Make it.

        Args:
            ledger: where it is read.
            environment: where the shop sells; orders of others need no hand.
            bookings_known: whether the shop learns of bookings; else nothing is said to be not booked.
        """
        self._ledger = ledger
        self._environment = environment
        self._bookings_known = bookings_known

    async def read(self, checks: Iterable[Check], *, limit: int = SHOWN) -> NeedsHand:
        """Read everything that needs a hand.

        Args:
            checks: the results of the shop's health checks.
            limit: how many items of a kind to return; all are counted.
        """
        found = await self._ledger.attention.read(
            self._environment(), bookings_known=self._bookings_known(), limit=limit
        )
        groups = {matters.kind: _group(matters) for matters in found}
        groups[AttentionKind.CHECK] = await self._of_checks(checks)
        return NeedsHand(
            tuple(groups[kind] for kind in AttentionKind if kind in groups and groups[kind].total)
        )

    async def snooze(self, key: str, *, until: datetime, note: str, actor: str) -> bool:
        """Hide an item until a time; False if there is no such kind of item.

        Args:
            key: of the item.
            until: in UTC.
            note: what the operator wrote.
            actor: who it is.
        """
        target, _, cause = key.rpartition(SEPARATOR)
        return await self._ledger.attention.decide(
            target, cause, Decision.SNOOZED, until=until, note=note, actor=actor
        )

    async def done(self, key: str, *, note: str, actor: str) -> bool:
        """Hide an item until its cause happens anew; the arguments are those of ``snooze``."""
        target, _, cause = key.rpartition(SEPARATOR)
        return await self._ledger.attention.decide(
            target, cause, Decision.DONE, until=None, note=note, actor=actor
        )

    async def set_aside(self, *, limit: int = 100) -> tuple[SetAside, ...]:
        """Return what is set aside, the last decision first."""
        return await self._ledger.attention.decisions(limit=limit)

    async def bring_back(self, key: str, *, actor: str) -> bool:
        """List an item again that was set aside; False if it is not.

        Args:
            key: as ``set_aside`` returns it.
            actor: who does it.
        """
        return await self._ledger.attention.bring_back(key, actor=actor)

    async def _of_checks(self, checks: Iterable[Check]) -> AttentionGroup:
        kind = AttentionKind.CHECK
        problems = {f'{kind}.{check.name}': check for check in checks if check.problem}
        causes = {key: _digest(check.problem) for key, check in problems.items()}
        aside = await self._ledger.attention.hidden(causes)
        items = tuple(
            AttentionItem(
                key=f'{key}{SEPARATOR}{causes[key]}',
                kind=kind,
                sentence=f'{check.name.capitalize()}: {check.problem}.',
                since=None,
                action=Action.REMEDY,
                remedy=check.remedy,
                target=check.name,
            )
            for key, check in problems.items()
            if key not in aside
        )
        return AttentionGroup(kind, TITLES[kind], len(items), items)


SEPARATOR = '~'


def _group(matters: Matters) -> AttentionGroup:
    items = tuple(_item(matter) for matter in matters.first)
    return AttentionGroup(matters.kind, TITLES[matters.kind], matters.total, items)


def _item(matter: Matter) -> AttentionItem:
    return AttentionItem(
        key=f'{matter.kind}.{matter.target}{SEPARATOR}{matter.cause}',
        kind=matter.kind,
        sentence=sentence_of(matter),
        since=matter.since,
        action=action_of(matter),
        url=url_of(matter),
        reference=matter.reference,
        name=matter.name,
        deadline=matter.deadline,
        target=matter.target,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
