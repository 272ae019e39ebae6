"""The answers of the set-up, kept in the ledger until the settings are written: it can be broken off."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services import site
from services.ledger import Kept, Ledger
from services.set_up import webhooks
from services.set_up.env_writer import masked
from services.set_up.hold import Hold
from services.set_up.newer import still_valid
from services.set_up.refused import Refused
from services.set_up.steps import ANSWER, OUTDATES, Step, next_step, taken
from services.set_up.vendors import mode_of
from services.settings import NAMES, find_value, problem_of

PLANNED, TYPED = 'planned', 'typed'
BEFORE = 'before '  # the row with what a setting was when its answer was given


@dataclass(frozen=True)
class Given:
    """The settings that there are.

    Attributes:
        existing: the texts of those that have a value.
        fixed: those that cannot be changed here, such as those of the environment.
    """

    existing: Mapping[str, str]
    fixed: Mapping[str, str]


class Answers:
    """What was answered, and what was made at Stripe and Calendly."""

    def __init__(self, ledger: Ledger, given: Callable[[], Given], place: str) -> None:
        """Make it; call `open` before anything else.

        Args:
            ledger: keeps the answers; it is open.
            given: reads the settings that there are.
            place: where this process is, for people.
        """
        self.ledger = ledger
        self.hold = Hold(ledger, place)
        self._given = given
        self.existing: dict[str, str] = {}
        self.fixed: dict[str, str] = {}
        self.draft: dict[str, str] = {}
        self._before: dict[str, str] = {}
        self.made: dict[str, str] = {}

    async def take(self, *, over: bool = False) -> None:
        """Take the set-up for this process; what another one has answered meanwhile is read.

        Args:
            over: somebody wants to go on here, and no longer in another process.

        Raises:
            Elsewhere: another process has it.
        """
        if await self.hold.take(over=over):
            await self.open()

    async def open(self) -> None:
        """Read the answers of a set-up that was broken off, and what was made in it."""
        rows = await self.ledger.settings.read(Kept.DRAFT)
        self.draft = {name: value for name, value in rows.items() if not name.startswith(BEFORE)}
        self._before = {name[len(BEFORE) :]: rows[name] for name in rows.keys() - self.draft.keys()}
        self.made = await self.ledger.settings.read(Kept.MADE)
        await self.read_given()

    async def read_given(self) -> None:
        """Read the settings that there are: somebody may have changed the file since.

        An answer that is older than such a change counts no more.

        Raises:
            SettingsError: the file cannot be read.
        """
        given = await asyncio.to_thread(self._given)
        self.existing = dict(given.existing)
        self.fixed = {name: value for name, value in given.fixed.items() if name in NAMES and value.strip()}
        before = {name: was for name, was in self._before.items() if name not in self.fixed}
        self.draft = still_valid(self.draft, before, self.existing)

    @property
    def values(self) -> dict[str, str]:
        """The texts of all settings, as they would be now."""
        return self.existing | self.draft | self.fixed

    @property
    def step(self) -> Step:
        """The first step that was not taken."""
        return next_step(self._answered)

    def is_taken(self, step: Step) -> bool:
        """Whether a step was taken."""
        return taken(step, self._answered)

    @property
    def _answered(self) -> set[str]:
        answered = {*self.draft, *self.fixed}
        # Without a token nothing can be subscribed to.
        without_token = 'CALENDLY_TOKEN' in answered and not self.values['CALENDLY_TOKEN']
        return answered | ({'CALENDLY_WEBHOOK_SIGNING_KEY'} if without_token else set())

    def shown(self, name: str) -> str:
        """Return a setting for people to see, '' where it has no value."""
        value = self.values.get(name, '')
        return masked(name, value) if value else ''

    def fixed_words(self, name: str) -> str:
        """Say why nothing is made for a setting that this set-up cannot write; '' where it can.

        Args:
            name: the setting.
        """
        if name not in self.fixed:
            return ''
        return f'{name} is set outside of the set-up and stays, so nothing was made or deleted.'

    def pick(self, name: str, typed: str) -> str:
        """Return the text of a setting: the fixed one, else what was typed, else the one there is."""
        return self.fixed.get(name) or typed.strip() or self.values.get(name, '')

    @property
    def mode(self) -> str:
        """The mode of the Stripe key: test or live."""
        return mode_of(self.values.get('STRIPE_SECRET_KEY', ''))

    @property
    def offer(self) -> site.Product:
        """What is sold, as the texts of the site say it."""
        return site.load(find_value('SITE_FILE', self.values)).offer

    @property
    def to_write(self) -> dict[str, str]:
        """The settings that are written; one without a value only where it had one."""
        named = [name for name in NAMES if name in self.draft and name not in self.fixed]
        return {name: self.draft[name] for name in named if self.draft[name] or self.existing.get(name)}

    def check(self, answers: Mapping[str, str]) -> None:
        """Refuse answers that cannot be settings.

        Raises:
            Refused: with the first problem.
        """
        for name in answers:
            if problem := problem_of(name, self.values | dict(answers)):
                raise Refused(problem)

    async def keep(self, answers: Mapping[str, str]) -> None:
        """Keep answers; those that a change outdates must be given again."""
        values = self.values
        changed = [name for name, value in answers.items() if value != values.get(name, '')]
        outdated = {other for name in changed for other in OUTDATES.get(name, ())} - answers.keys()
        self.draft = {n: v for n, v in self.draft.items() if n not in outdated} | dict(answers)
        rows = {**answers, **self._rows_before(answers)}
        await self.ledger.settings.put(Kept.DRAFT, rows, without={*NAMES} - self.draft.keys())

    def _rows_before(self, answers: Mapping[str, str]) -> dict[str, str]:
        """Return the rows with what the settings are now, when these answers are given."""
        now = {n: self.existing.get(n, '') for n in answers if n in NAMES and n not in self.fixed}
        self._before |= now
        return {BEFORE + name: was for name, was in now.items()}

    async def forget(self) -> None:
        """Forget the answers, but not the secret of an endpoint that was made: no setting has it yet."""
        name = ANSWER[Step.PAYMENTS_WEBHOOK]
        secrets = {*webhooks.each_of(self.draft.get(name, ''))} - {
            *webhooks.each_of(self.existing.get(name, ''))
        }
        is_needed = webhooks.secrets_of(self.made.get(webhooks.ENDPOINT, ''), ','.join(secrets))
        kept = {name, webhooks.ENDPOINT} if is_needed else set[str]()
        gone = {*NAMES, *self.draft} - kept
        await self.ledger.settings.put(Kept.DRAFT, {}, without=gone | {BEFORE + each for each in gone})
        self.draft = {n: value for n, value in self.draft.items() if n in kept}
        self._before = {n: was for n, was in self._before.items() if n in kept}

    async def plan(self, what: str, name: str, value: str) -> None:
        """Keep that a webhook is provided when the settings are written.

        Args:
            what: its name in the ledger.
            name: the setting with its secret.
            value: of that setting, as far as it is known.
        """
        await self.keep({name: value, what: PLANNED})

    async def leave_out(self, what: str, name: str, value: str, *, is_typed: bool = False) -> None:
        """Keep that nothing is provided, and what the setting is then.

        Args:
            what: its name in the ledger.
            name: the setting with its secret.
            value: of that setting.
            is_typed: the operator has typed the value: it belongs to one that they have made.
        """
        await self.keep({name: value, what: TYPED if is_typed else ''})

    def is_left_out(self, what: str) -> bool:
        """Whether nothing is provided, and no secret was typed."""
        return self.draft.get(what) == ''

    def is_planned(self, what: str) -> bool:
        """Whether a webhook is provided when the settings are written."""
        return self.draft.get(what) == PLANNED

    async def write_down(
        self, what: str, made_id: str, secret: str, answers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Keep what was made elsewhere, and the answers that belong to it, in one transaction.

        Args:
            what: its name in the ledger.
            made_id: its id there.
            secret: the one that belongs to it.
            answers: the settings that follow from it.
        """
        record = webhooks.record_of(made_id, secret)
        rows = {**answers, **self._rows_before(answers)}
        await self.ledger.settings.write_down_made(what, record, rows)
        self.made[what] = record
        self.draft |= answers

    async def forget_made(self, what: str, name: str) -> None:
        """Forget what was made, and an answer with its secret: it is deleted.

        Args:
            what: its name in the ledger.
            name: the setting with its secret.
        """
        if webhooks.secrets_of(self.made.get(what, ''), self.draft.get(name, '')):
            await self.ledger.settings.put(Kept.DRAFT, {}, without=[name, what, BEFORE + name])
            self.draft = {n: value for n, value in self.draft.items() if n not in (name, what)}
        await self.ledger.settings.put(Kept.MADE, {}, without=[what])
        self.made.pop(what, None)

    async def finish(self, written: Mapping[str, str], *, in_ledger: bool) -> None:
        """End the set-up.

        Args:
            written: the settings that were written.
            in_ledger: whether the ledger keeps them.
        """
        kept = {name: value for name, value in written.items() if value} if in_ledger else {}
        await self.ledger.settings.finish(kept, without=written.keys() - kept.keys())
        self.existing, self.draft = self.existing | dict(written), {}
        self._before = {}
