"""``main.py setup``: ask for keys and choices, check each, make the webhooks, and write the settings."""

import asyncio
import getpass
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from services.commands.refused import CommandRefused
from services.errors import ShopError
from services.set_up import (
    AT_THE_END,
    RESTRICTED_KEY,
    SECRET,
    SIGNING_KEY,
    TOKEN_SCOPES,
    WITHOUT_ENDPOINT,
    WITHOUT_SUBSCRIPTION,
    Elsewhere,
    Plan,
    Preview,
    Refused,
    SetUp,
    Step,
    cannot_reach,
    masked,
    opened,
)
from services.settings import NO_TEST_CALENDAR, how_to_run
from services.settings.urls import is_public

KEPT = 'what was answered until now is kept, and the next `setup` goes on there'
NOBODY = f'nobody answers; {KEPT}'
STOPPED = f'you have stopped it; {KEPT}'


class Prompts(Protocol):
    """Asks the operator."""

    def say(self, text: str) -> None:
        """Show a line."""

    def ask(self, question: str, *, known: str = '', secret: bool = False) -> str:
        """Return what is typed; '' keeps what is known.

        Args:
            question: what is wanted.
            known: what is there already, as people may see it.
            secret: whether the answer must not be seen.
        """

    def agree(self, question: str) -> bool:
        """Ask a question that is answered with yes or no."""


class Terminal:
    """Asks on the terminal, or reads lines from the standard input."""

    def say(self, text: str) -> None:
        """Show a line."""
        print(text, flush=True)

    def ask(self, question: str, *, known: str = '', secret: bool = False) -> str:
        """Return what is typed; '' keeps what is known."""
        prompt = f'{question}{f" [{known}]" if known else ""}: '
        # The event loop would only take note of Ctrl-C, and go on to wait for a line.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if secret and sys.stdin.isatty():
                return getpass.getpass(prompt).strip()
            return input(prompt).strip()
        except EOFError:
            raise CommandRefused(NOBODY) from None
        finally:
            signal.signal(signal.SIGINT, before)

    def agree(self, question: str) -> bool:
        """Ask a question that is answered with yes or no."""
        return self.ask(f'{question} (yes/no)').lower() in ('y', 'yes')


def run(
    environ: Mapping[str, str], env_file: Path, *, undo: bool, yes: bool, prompts: Prompts | None = None
) -> None:
    """Set the shop up, or delete what a set-up has made at Stripe and Calendly.

    Args:
        environ: the process environment.
        env_file: the file that settings are read from, and written to where that is possible.
        undo: delete.
        yes: write without asking, unless something is deleted at Stripe or Calendly.
        prompts: asks the operator; the terminal, if not given.

    Raises:
        CommandRefused: nobody answers, it was stopped, or it cannot be undone.
        SettingsError: the database cannot be used.
    """
    try:
        asyncio.run(_run(environ, env_file, undo=undo, yes=yes, prompts=prompts or Terminal()))
    except KeyboardInterrupt:
        raise CommandRefused(STOPPED) from None


async def _run(
    environ: Mapping[str, str], env_file: Path, *, undo: bool, yes: bool, prompts: Prompts
) -> None:
    async with opened(environ, env_file) as set_up:
        await _take(set_up, prompts)
        if undo:
            await _undo(set_up, prompts)
        else:
            await Conversation(set_up, prompts, yes=yes).hold()


async def _take(set_up: SetUp, prompts: Prompts) -> None:
    """Take the set-up; from another process only after a yes."""
    try:
        await set_up.answers.take()
    except Elsewhere as error:
        if error.is_working or not prompts.agree(f'{error} Go on here, and no longer there?'):
            raise CommandRefused(str(error)) from error
        await set_up.answers.take(over=True)


async def _undo(set_up: SetUp, prompts: Prompts) -> None:
    try:
        undone = await set_up.undo()
    except Refused as error:
        raise CommandRefused(str(error)) from error
    for line in undone.done:
        prompts.say(line)
    if undone.problems:
        raise CommandRefused(*undone.problems)


class Conversation:
    """Takes one step after the other; one that is refused is repeated."""

    def __init__(self, set_up: SetUp, prompts: Prompts, *, yes: bool = False) -> None:
        self._set_up = set_up
        self._answers = set_up.answers
        self._prompts = prompts
        self._yes = yes
        self._steps: Mapping[Step, Callable[[], Awaitable[None]]] = {
            Step.KEYS: self._keys,
            Step.PRICE: self._price,
            Step.CALENDAR: self._token,
            Step.EVENT_TYPE: self._event_type,
            Step.ADDRESS: self._address,
            Step.PAYMENTS_WEBHOOK: self._endpoint,
            Step.BOOKINGS_WEBHOOK: self._subscription,
            Step.PASSWORD: self._password,
        }

    async def hold(self) -> None:
        """Take all steps, write the settings, and say what comes next."""
        goes_on = bool(self._answers.draft) and self._prompts.agree(
            f'A set-up was broken off. Go on at its step "{self._answers.step}"? A no forgets its answers.'
        )
        if not goes_on:
            await self._answers.forget()
        for step, take in self._steps.items():
            if not (goes_on and self._answers.is_taken(step)):
                await self._repeat(take)
        await self._write()

    async def _repeat(self, take: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await self._answers.take()
                await take()
            except Elsewhere as error:
                raise CommandRefused(str(error)) from error
            except Refused as error:
                self._prompts.say(f'  {error}')
            except ShopError as error:
                raise CommandRefused(str(error)) from error
            else:
                return

    async def _keys(self) -> None:
        self._prompts.say('1. Stripe. Keys are in Stripe Dashboard > Developers > API keys.')
        self._prompts.say(f'  A restricted key with what the shop needs: {RESTRICTED_KEY}')
        secret = self._ask('STRIPE_SECRET_KEY', 'Secret or restricted key (sk_… or rk_…)', secret=True)
        public = self._ask('STRIPE_PUBLISHABLE_KEY', 'Publishable key (pk_…), or nothing')
        self._tell(await self._set_up.payments.use_keys(secret, public))
        self._prompts.say(f'  Stripe accepts the key: {self._answers.mode} mode.')

    async def _price(self) -> None:
        self._prompts.say('2. What you charge.')
        prices = await self._set_up.payments.prices()
        known = self._answers.values.get('STRIPE_PRICE_ID', '')
        if known and 'STRIPE_PRICE_ID' not in self._answers.fixed and known not in {p.id for p in prices}:
            self._prompts.say(f'  {known} of the settings is not among the one-time prices of this account.')
            known = ''
        chosen = self._choose(
            'price',
            [f'{price.product or price.id}: {price.money}' for price in prices],
            'make a new product with a price',
            known,
        )
        if chosen is None:
            product = self._prompts.ask('Name of the product', known=self._answers.offer.name)
            amount = self._prompts.ask('Amount, such as 150')
            currency = self._prompts.ask('Currency', known='usd')
            made = await self._set_up.payments.make_price(
                product or self._answers.offer.name, amount, currency or 'usd', attempt=secrets.token_hex(16)
            )
            self._prompts.say(f'  Made: {made.product}, {made.money}.')
            return
        price_id = prices[chosen].id if chosen >= 0 else ''
        self._prompts.say(f'  Customers pay {await self._set_up.payments.use_price(price_id)}.')

    async def _token(self) -> None:
        self._prompts.say('3. Calendly. A token is made in Calendly > Integrations > API and webhooks.')
        self._prompts.say(f'  It needs these scopes: {TOKEN_SCOPES}.')
        known = self._answers.shown('CALENDLY_TOKEN')
        token = self._ask('CALENDLY_TOKEN', 'Personal access token; "none" does without', secret=True)
        if not (token or known or 'CALENDLY_TOKEN' in self._answers.fixed):
            raise Refused('Type the token, or "none" to do without.')
        none = token.lower() == 'none' or not (token or known)
        await self._set_up.calendar.use_token(token, none=none)
        self._prompts.say(
            '  Every customer gets the public link.' if none else '  Calendly accepts the token.'
        )

    async def _event_type(self) -> None:
        self._prompts.say('4. What your customers book.')
        if not self._answers.values.get('CALENDLY_TOKEN'):
            link = self._ask('CALENDLY_LINK', 'Link of the event type (https://calendly.com/…)')
            self._tell(await self._set_up.calendar.use_link(link))
            return
        types = await self._set_up.calendar.event_types()
        chosen = self._choose(
            'event type',
            [
                f'{each.name}, {each.minutes} minutes: {each.link}{each.concern and f" (it {each.concern})"}'
                for each in types
            ],
            f'make one of {self._answers.offer.minutes} minutes',
            self._answers.shown('CALENDLY_LINK'),
        )
        if chosen is None:
            name = self._prompts.ask('Its name', known=self._answers.offer.name)
            made = await self._set_up.calendar.make_event_type(name)
            self._prompts.say(f'  Made: {made.link}. Hide it and choose its place in Calendly > Event types.')
            return
        self._tell(await self._set_up.calendar.use_link(types[chosen].link if chosen >= 0 else ''))

    async def _address(self) -> None:
        self._prompts.say('5. The public address of the shop.')
        self._tell(
            await self._set_up.use_domain(self._ask('DOMAIN', 'Address, such as https://coach.example'))
        )

    async def _endpoint(self) -> None:
        self._prompts.say('6. The webhook endpoint at Stripe.')
        may_skip = self._answers.mode != 'live'
        unreachable = cannot_reach('Stripe', self._answers.values['DOMAIN'])
        try:
            if unreachable and SECRET not in self._answers.fixed:
                self._prompts.say(f'  {unreachable} So none is made. {WITHOUT_ENDPOINT}')
                self._prompts.say(f'  With `stripe listen`, set {SECRET} to the secret that it prints.')
                if may_skip:
                    await self._set_up.payments.skip_endpoint()
                    return
            elif self._takes(await self._set_up.payments.plan_endpoint()):
                return
        except Refused as error:
            self._prompts.say(f'  {error}')
            may_skip = error.may_skip
        words = 'Secret of an endpoint that you have made yourself (whsec_…)'
        existing = self._answers.existing.get(SECRET, '')
        known = existing and masked(SECRET, existing)
        if may_skip and not known:
            words += ', or nothing to do without'
        await self._set_up.payments.skip_endpoint(self._prompts.ask(words, known=known, secret=True))

    def _takes(self, plan: Plan) -> bool:
        """Show what is done at the end; ask whether what is deleted then may be deleted."""
        self._prompts.say(f'  {plan.words}')
        if plan.makes or plan.deletes:
            self._prompts.say(f'  {AT_THE_END}')
        return not plan.deletes or self._prompts.agree('Delete it then? Otherwise all stays as it is there.')

    async def _subscription(self) -> None:
        if not self._answers.values.get('CALENDLY_TOKEN'):
            return
        self._prompts.say('7. The webhook subscription at Calendly.')
        unreachable = cannot_reach('Calendly', self._answers.values['DOMAIN'])
        if unreachable and SIGNING_KEY not in self._answers.fixed:
            self._prompts.say(f'  {unreachable} So none is made. {WITHOUT_SUBSCRIPTION}')
            await self._set_up.calendar.skip_subscription()
            return
        try:
            if not self._takes(await self._set_up.calendar.plan_subscription()):
                await self._set_up.calendar.skip_subscription()
        except Refused as error:
            self._prompts.say(f'  {error}')
            if self._prompts.agree(f'Do without? {WITHOUT_SUBSCRIPTION}'):
                await self._set_up.calendar.skip_subscription()
            else:
                raise Refused('Trying again.') from error

    async def _password(self) -> None:
        self._prompts.say('8. The password of the admin.')
        typed = self._ask('ADMIN_PASSWORD', 'Password, or nothing to have one made', secret=True)
        if not typed and not self._answers.values.get('ADMIN_PASSWORD'):
            typed = secrets.token_urlsafe(15)
            self._prompts.say(f'  Your password, which is shown this once: {typed}')
        await self._set_up.use_password(typed)

    async def _write(self) -> None:
        if problems := await self._set_up.problems():
            raise CommandRefused(*problems)
        try:
            preview = await self._set_up.preview()
            self._show(preview)
            if not self._agrees(preview):
                self._prompts.say('Nothing was written, made or deleted; the answers are kept.')
                return
            written = await self._set_up.write(preview.deletes)
        except Refused as error:
            raise CommandRefused(str(error)) from error
        self._prompts.say(f'Written to {written.place}.')
        self._tell(written.problems)
        self._prompts.say('Checking; this takes some seconds.')
        found = await self._set_up.check()
        for finding in found:
            self._prompts.say(f'  {finding.level}: {finding.text}. {finding.remedy}')
        if preview.endpoint.is_refused:
            self._prompts.say(f'  warning: {preview.endpoint.words}')
        elif not found:
            self._prompts.say('  Nothing is wrong.')
        admin = f'{self._answers.values["DOMAIN"]}/admin'
        self._prompts.say(f'Start the shop, or restart it: {how_to_run("serve")}')
        self._prompts.say(f'Then make your first test sale, and look at {admin}')
        values = self._answers.values
        if (
            self._answers.mode == 'test'
            and is_public(values['DOMAIN'])
            and not values.get('ALLOW_TEST_SALES')
        ):
            self._prompts.say(NO_TEST_CALENDAR)

    def _show(self, preview: Preview) -> None:
        target = self._set_up.target
        where = str(target) if target else 'the database of the shop, since there is no file to write'
        self._prompts.say(f'The settings are written to {where}:')
        for change in preview.changes:
            self._prompts.say(f'  {change.name}: {change.before} → {change.after}')
        if not preview.changes:
            self._prompts.say('  Nothing changes.')
        for words in preview.words:
            self._prompts.say(f'  {words}')

    def _agrees(self, preview: Preview) -> bool:
        """Ask before anything changes; `--yes` is no answer where something is deleted."""
        if preview.is_empty or (self._yes and not preview.deletes):
            return True
        deleted = ', and delete what is named above' if preview.deletes else ''
        return self._prompts.agree(f'Write them{deleted}?')

    def _ask(self, name: str, question: str, *, secret: bool = False) -> str:
        """Ask for a setting, unless the environment decides it."""
        shown = self._answers.shown(name)
        if name in self._answers.fixed:
            self._prompts.say(f'  {name} is set outside of this command: {shown}')
            return ''
        return self._prompts.ask(question, known=shown, secret=secret)

    def _choose(self, what: str, options: Sequence[str], other: str, known: str) -> int | None:
        """Let one of several be chosen; -1 keeps what is known, None is the other way.

        Raises:
            Refused: the answer is no number of these.
        """
        for number, option in enumerate(options, 1):
            self._prompts.say(f'  {number}. {option}')
        self._prompts.say(f'  {len(options) + 1}. {other}')
        typed = self._prompts.ask(f'Number of the {what}', known=known)
        if not typed and known:
            return -1
        if not typed.isascii() or not typed.isdecimal() or not 0 < int(typed) <= len(options) + 1:
            raise Refused(f'Type a number from 1 to {len(options) + 1}.')
        return int(typed) - 1 if int(typed) <= len(options) else None

    def _tell(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            self._prompts.say(f'  Note: {warning}')
