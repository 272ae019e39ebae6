"""The set-up in tests: an operator who answers on the terminal, and one who takes the steps one by one."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from services.commands import set_up as command
from services.set_up import SetUp, Step, Written
from tests.sandbox_client import SandboxClient

DOMAIN = 'https://coach.example'
HOOK = f'{DOMAIN}/webhooks/stripe'
PASSWORD = 'a long password'
MOST_LINES = 80  # a step that is refused again and again would never end

Take = Callable[[SetUp, SandboxClient], Awaitable[object]]
TAKE: Mapping[Step, Take] = {
    Step.KEYS: lambda set_up, sandbox: set_up.payments.use_keys(
        sandbox.settings['STRIPE_SECRET_KEY'], sandbox.settings['STRIPE_PUBLISHABLE_KEY']
    ),
    Step.PRICE: lambda set_up, sandbox: set_up.payments.use_price(sandbox.settings['STRIPE_PRICE_ID']),
    Step.CALENDAR: lambda set_up, sandbox: set_up.calendar.use_token(sandbox.settings['CALENDLY_TOKEN']),
    Step.EVENT_TYPE: lambda set_up, sandbox: set_up.calendar.use_link(sandbox.calendly_link),
    Step.ADDRESS: lambda set_up, _: set_up.use_domain(DOMAIN),
    Step.PAYMENTS_WEBHOOK: lambda set_up, _: set_up.payments.plan_endpoint(),
    Step.BOOKINGS_WEBHOOK: lambda set_up, _: set_up.calendar.plan_subscription(),
    Step.PASSWORD: lambda set_up, _: set_up.use_password(PASSWORD),
    Step.WRITE: lambda set_up, _: agree_and_write(set_up),
}


async def agree_and_write(set_up: SetUp) -> Written:
    """Write, and agree to everything that is deleted."""
    return await set_up.write((await set_up.preview()).deletes)


class Operator:
    """Answers questions by their first words; every other one with Enter."""

    def __init__(
        self,
        answers: Mapping[str, str] | None = None,
        *,
        agrees: bool = True,
        refuses: str = '\0',
        hesitates: str = '\0',
    ) -> None:
        self._answers = dict(answers or {})
        self._agrees = agrees
        self._refuses = refuses
        self._hesitates = hesitates
        self.said: list[str] = []

    @property
    def text(self) -> str:
        """All that was shown."""
        return '\n'.join(self.said)

    def say(self, text: str) -> None:
        """Keep a line."""
        self.said.append(text)

    def ask(self, question: str, *, known: str = '', secret: bool = False) -> str:
        """Answer once; with Enter to a question that is repeated, and at first to the one that is hard."""
        assert len(self.said) < MOST_LINES, self.text
        self.said.append(f'{question} [{known}]')
        if question.startswith(self._hesitates):
            self._hesitates = '\0'
            return ''
        found = next((start for start in self._answers if question.startswith(start)), None)
        return self._answers.pop(found) if found else ''

    def agree(self, question: str) -> bool:
        """Answer with yes or no; with no to a question that begins with what is refused."""
        self.said.append(question)
        return self._agrees and not question.startswith(self._refuses)


def answers(sandbox: SandboxClient, **more: str) -> dict[str, str]:
    """Return what an operator types who has an account at both."""
    return {
        'Secret or restricted key': sandbox.settings['STRIPE_SECRET_KEY'],
        'Publishable key': sandbox.settings['STRIPE_PUBLISHABLE_KEY'],
        'Number of the price': '1',
        'Number of the event type': '1',
        'Personal access token': sandbox.settings['CALENDLY_TOKEN'],
        'Address': DOMAIN,
        'Password': PASSWORD,
    } | more


def set_up(environ: Mapping[str, str], env_file: Path, operator: Operator, *, undo: bool = False) -> str:
    """Run the command; return what it said."""
    command.run(environ, env_file, undo=undo, yes=False, prompts=operator)
    return operator.text


def endpoints(sandbox: SandboxClient) -> list[dict[str, Any]]:
    """Return the webhook endpoints at Stripe."""
    return list(sandbox.state()['webhook_endpoints'])


def subscriptions(sandbox: SandboxClient) -> list[str]:
    """Return the URLs of the subscriptions at Calendly."""
    return [each['callback_url'] for each in sandbox.state()['subscriptions']]
