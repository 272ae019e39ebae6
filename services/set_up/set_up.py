"""The set-up of a shop, for the command line and for the pages: every step is checked and can be repeated."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.check import Finding, Level, check
from services.set_up import webhooks
from services.set_up.answers import Answers
from services.set_up.calendar_steps import CalendarSteps
from services.set_up.env_writer import NotWritten, can_write, masked, write
from services.set_up.payment_steps import SECRET, PaymentSteps
from services.set_up.refused import Refused
from services.set_up.steps import Step
from services.set_up.undo import Undone, undo
from services.set_up.webhooks import Plan
from services.settings import NAMES, SettingsError, find_value, how_to_run, parse_settings
from services.settings.urls import is_public
from services.site import SiteProblem
from services.texts import read_texts

CHECK_DEADLINE = 30.0  # seconds; `main.py check` has more
OF_THE_NEW_ONE = 'the secret of the new endpoint'
NOT_YET_MADE = 'whsec_of_the_endpoint_that_is_made_at_the_end'
NOTHING_PLANNED = Plan(makes=False, deletes=(), words='')
UNFINISHED = '{} The settings are written all the same. {} goes on there.'


@dataclass(frozen=True)
class Change:
    """One setting that is written, with its old and new value as people may see them."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Preview:
    """Everything that writing does; whoever agrees to it has seen all of it.

    Attributes:
        changes: of the settings.
        endpoint: what becomes of the webhook endpoint at Stripe.
        subscription: what becomes of the webhook subscription at Calendly.
    """

    changes: tuple[Change, ...]
    endpoint: Plan
    subscription: Plan

    @property
    def deletes(self) -> str:
        """A short text for what is deleted at Stripe and Calendly; '' for nothing."""
        ids = sorted((*self.endpoint.deletes, *self.subscription.deletes))
        return hashlib.sha256('\n'.join(ids).encode()).hexdigest()[:32] if ids else ''

    @property
    def words(self) -> list[str]:
        """What becomes of the webhooks."""
        return [each.words for each in (self.endpoint, self.subscription) if each.words]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes anywhere."""
        makes = self.endpoint.makes or self.subscription.makes
        return not (self.changes or self.deletes or makes)


@dataclass(frozen=True)
class Written:
    """Where the settings are now, and what could not be done after they were written."""

    place: str
    problems: tuple[str, ...]


class SetUp:
    """The set-up of one shop: its answers, the steps at Stripe and Calendly, and those of the shop itself."""

    def __init__(self, answers: Answers, *, environ: Mapping[str, str], env_file: Path) -> None:
        """Make it; call `open` before anything else.

        Args:
            answers: keeps what was answered.
            environ: the process environment.
            env_file: the file that settings are read from.
        """
        self.answers = answers
        self.payments = PaymentSteps(answers)
        self.calendar = CalendarSteps(answers)
        self._environ = environ
        self._env_file = env_file

    async def open(self) -> None:
        """Read the answers of a set-up that was broken off."""
        await self.answers.open()

    async def use_domain(self, domain: str, *, port: int | None = None) -> list[str]:
        """Take the public address; returns what the operator should know about it.

        Args:
            domain: the address.
            port: what this process listens on, and the shop after it, also where the address has another
                port: that of a proxy or a tunnel. None lets PORT follow from the address.

        Raises:
            Refused: it cannot be the address of this shop.
        """
        answers = {'DOMAIN': self.answers.pick('DOMAIN', domain)}
        if not answers['DOMAIN']:
            raise Refused('The address is missing.')
        self.answers.check(answers)
        address = str(find_value('DOMAIN', self.answers.values | answers))
        answers = {'DOMAIN': address}
        if port and find_value('PORT', self.answers.values | answers) != port:
            answers['PORT'] = str(port)
        await self.answers.keep(answers)
        if not is_public(address):
            return [f'{address} is not on the internet: customers, Stripe and Calendly cannot reach it.']
        return []

    async def use_password(self, password: str) -> None:
        """Take the password of the admin; '' keeps the one there is.

        Raises:
            Refused: it is too short, or there is none.
        """
        answers = {'ADMIN_PASSWORD': self.answers.pick('ADMIN_PASSWORD', password)}
        if not answers['ADMIN_PASSWORD']:
            raise Refused('The password is missing.')
        self.answers.check(answers)
        await self.answers.keep(answers)

    @property
    def target(self) -> Path | None:
        """The file that the settings are written to; None where the ledger keeps them."""
        return self._env_file if can_write(self._env_file, self._environ) else None

    async def preview(self) -> Preview:
        """Return what writing would do, with secrets masked.

        Raises:
            Refused: Stripe or Calendly refuses, or does not answer.
        """
        endpoint, subscription = await self.payments.read_plan(), await self.calendar.read_plan()
        return Preview(
            tuple(self._changes(makes_endpoint=endpoint is not None and endpoint.makes)),
            endpoint or NOTHING_PLANNED,
            subscription or NOTHING_PLANNED,
        )

    def _changes(self, *, makes_endpoint: bool) -> Iterator[Change]:
        before, after = self.answers.existing, self.answers.to_write
        for name in NAMES:
            was, value = before.get(name, ''), after.get(name, before.get(name, ''))
            if name == SECRET and makes_endpoint:
                others = webhooks.others_than(self.answers.made.get(webhooks.ENDPOINT, ''), value)
                new = [OF_THE_NEW_ONE, *(masked(name, each) for each in others)]
                yield Change(name, masked(name, was), ' and '.join(new))
            elif value != was:
                yield Change(name, masked(name, was), masked(name, value))

    async def problems(self) -> list[str]:
        """Return what would keep the shop from starting with these settings; files are read again."""
        try:
            await self.answers.read_given()
            values = self.answers.values
            if self.answers.is_planned(webhooks.ENDPOINT):
                values[SECRET] = values.get(SECRET) or NOT_YET_MADE
            settings = parse_settings(values)
            await asyncio.to_thread(read_texts, settings)
        except (SettingsError, SiteProblem) as error:
            return list(error.problems)
        return []

    async def write(self, agreed: str = '') -> Written:
        """Make the webhooks, write the settings, and then delete what was replaced.

        Wherever the process dies in between, a shop with the settings as they are then works: an endpoint
        is deleted after the settings have the secret of another one; a subscription is replaced after the
        settings have the key of the new one, and that is the key of the old one, if it was known.

        Args:
            agreed: `deletes` of the preview that somebody has agreed to.

        Raises:
            Refused: the shop would not start with the settings, they cannot be written, or something else
                would have to be deleted. Nothing is deleted then. Or another process has the set-up.
        """
        async with self.answers.hold.working():
            return await self._write(agreed)

    async def _write(self, agreed: str) -> Written:
        if problems := await self.problems():
            raise Refused(' '.join(problems))
        if self.answers.step is not Step.WRITE:
            raise Refused(f'Nothing was written: the step "{self.answers.step}" is still to be taken.')
        preview = await self.preview()
        if preview.deletes not in ('', agreed):
            raise Refused(f'Nothing was written, since this has changed: {" ".join(preview.words)}')
        await self.payments.make_planned(preview.endpoint)
        place = await self._write_settings()
        return Written(place, tuple([each async for each in self._finish(preview)]))

    async def _write_settings(self) -> str:
        values, path = self.answers.to_write, self.target
        if path is not None:
            try:
                write(path, values)
            except NotWritten as error:
                if path.exists() and path.read_text(errors='replace').strip():
                    raise Refused(f'The settings cannot be written: {error}') from error
                path = None
        await self.answers.finish(values, in_ledger=path is None)
        return str(path) if path else 'the database of the shop'

    async def _finish(self, preview: Preview) -> AsyncIterator[str]:
        """Do what comes after the settings; yield what could not be done."""
        for carry_out, plan in (
            (self.payments.delete_planned, preview.endpoint),
            (self.calendar.carry_out, preview.subscription),
        ):
            try:
                await carry_out(plan)
            except Refused as error:
                yield UNFINISHED.format(error, how_to_run('setup'))

    async def check(self) -> list[Finding]:
        """Check the settings that were written; returns what is not right.

        Whether the address answers can only be checked once the shop runs.
        """
        own_file = {'ENV_FILE': str(self._env_file)} if self._env_file.exists() else {}
        try:
            async with asyncio.timeout(CHECK_DEADLINE):
                found = await check({**self._environ, **own_file})
        except TimeoutError:
            words = f'the check was not over within {CHECK_DEADLINE:.0f} seconds'
            return [Finding('check', Level.WARNING, words, f'Run it again: {how_to_run("check")}')]
        return [each for each in found if each.level is not Level.OK and each.part != 'domain']

    async def undo(self) -> Undone:
        """Delete the endpoint and the subscription that were made, and their secrets among the settings.

        Raises:
            Refused: Stripe or Calendly cannot be asked without a key. Or another process has the set-up.
        """
        async with self.answers.hold.working():
            return await undo(self.answers, self.target)
