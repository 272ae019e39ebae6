"""The set-up of a shop, for the command line and for the pages: every step is checked and can be repeated."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.check import Finding, Level, check
from services.set_up import webhooks
from services.set_up.answers import Answers
from services.set_up.calendar_steps import CalendarSteps
from services.set_up.env_writer import NotWritten, can_write, masked, write
from services.set_up.payment_steps import PaymentSteps
from services.set_up.refused import Refused, calendly_answers, stripe_answers
from services.set_up.steps import Step
from services.set_up.vendors import payments_of, scheduling_of
from services.settings import SettingsError, find_value, how_to_run, parse_settings
from services.settings.urls import is_public
from services.site import SiteProblem
from services.texts import read_texts

CHECK_DEADLINE = 30.0  # seconds; `main.py check` has more
NOT_WITHOUT = 'Nothing was deleted: without {} the set-up cannot delete what it has made'


@dataclass(frozen=True)
class Change:
    """One setting that is written, with its old and new value as people may see them."""

    name: str
    before: str
    after: str


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

    def changes(self) -> list[Change]:
        """Return what writing would change, with secrets masked."""
        before, after = self.answers.existing, self.answers.to_write
        return [
            Change(name, masked(name, before.get(name, '')), masked(name, value))
            for name, value in after.items()
            if value != before.get(name, '')
        ]

    async def problems(self) -> list[str]:
        """Return what would keep the shop from starting with these settings; files are read again."""
        try:
            await self.answers.read_given()
            settings = parse_settings(self.answers.values)
            await asyncio.to_thread(read_texts, settings)
        except (SettingsError, SiteProblem) as error:
            return list(error.problems)
        return []

    async def write(self) -> str:
        """Write the settings; returns where they are now.

        Raises:
            Refused: the shop would not start with them, or they cannot be written.
        """
        if problems := await self.problems():
            raise Refused(' '.join(problems))
        if self.answers.step is not Step.WRITE:
            raise Refused(f'Nothing was written: the step "{self.answers.step}" is still to be taken.')
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

    async def undo(self) -> list[str]:
        """Delete the endpoint and the subscription that were made; returns what was done, and what is left.

        Raises:
            Refused: Stripe or Calendly refuses, does not answer, or cannot be asked without a key.
        """
        values, lines = self.answers.values, []
        subscription = webhooks.id_of(self.answers.made.get(webhooks.SUBSCRIPTION, ''))
        if webhooks.ENDPOINT in self.answers.made and not values.get('STRIPE_SECRET_KEY'):
            raise Refused(f'{NOT_WITHOUT.format("STRIPE_SECRET_KEY")} at Stripe.')
        if subscription and not values.get('CALENDLY_TOKEN'):
            raise Refused(f'{NOT_WITHOUT.format("CALENDLY_TOKEN")} at Calendly.')
        if values.get('STRIPE_SECRET_KEY'):
            url = f'{values.get("DOMAIN", "")}/webhooks/stripe'
            async with payments_of(values) as payments:
                with stripe_answers():
                    count = await webhooks.delete_old_endpoints(payments, url, self.answers.made, keep='')
            lines.append(f'Stripe: {count or "no"} webhook endpoint{"" if count == 1 else "s"} deleted.')
        if subscription:
            async with scheduling_of(values) as scheduling:
                with calendly_answers():
                    await scheduling.subscriptions.delete(subscription)
            lines.append('Calendly: the webhook subscription was deleted.')
        else:
            lines.append('Calendly: no webhook subscription was made here.')
        await self.answers.forget_made()
        lines.append('Left as they are: the settings, orders, prices at Stripe and event types at Calendly.')
        return lines
