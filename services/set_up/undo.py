"""Undoing a set-up: what it has made is deleted at Stripe and Calendly, and its secrets in the settings."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.ledger import Kept
from services.set_up import webhooks
from services.set_up.answers import Answers
from services.set_up.calendar_steps import SIGNING_KEY
from services.set_up.env_writer import NotWritten, masked, write
from services.set_up.payment_steps import SECRET
from services.set_up.refused import Refused, calendly_answers, stripe_answers
from services.set_up.vendors import payments_of, scheduling_of
from services.settings import how_to_run, problem_of
from services.settings.env_file import read

NOT_WITHOUT = 'Nothing was deleted: without {} the set-up cannot delete what it has made'
IN_THE_DATABASE = 'the database of the shop'
RESTART = 'A running shop accepts it until it is restarted.'
NOT_OF_THIS_USER = (
    'The subscription {}, made before, is not one of the user of this token: '
    'delete it with a token of its user.'
)
STAYS = 'Its secret stays in {}. If it is deleted there already, `{}` makes another one in its place.'
LEFT = 'Left as they are: the other settings, orders, prices at Stripe and event types at Calendly.'


@dataclass(frozen=True)
class Undone:
    """What was undone, and what was not; sentences for the operator."""

    done: tuple[str, ...]
    problems: tuple[str, ...]


async def undo(answers: Answers, target: Path | None) -> Undone:
    """Delete the endpoint and the subscription that were made, each with its secret among the settings.

    What cannot be deleted stays on record, with its secret.

    Args:
        answers: know what was made; nobody else has the set-up.
        target: the file that settings are written to; None where the ledger keeps them.

    Raises:
        Refused: without a key or token nothing can be deleted.
    """
    if webhooks.ENDPOINT in answers.made and not answers.values.get('STRIPE_SECRET_KEY'):
        raise Refused(f'{NOT_WITHOUT.format("STRIPE_SECRET_KEY")} at Stripe.')
    if webhooks.SUBSCRIPTION in answers.made and not answers.values.get('CALENDLY_TOKEN'):
        raise Refused(f'{NOT_WITHOUT.format("CALENDLY_TOKEN")} at Calendly.')
    done, problems = list[str](), list[str]()
    ways: tuple[tuple[Callable[[Answers], Awaitable[str]], str, str], ...] = (
        (_delete_endpoints, webhooks.ENDPOINT, SECRET),
        (_delete_subscription, webhooks.SUBSCRIPTION, SIGNING_KEY),
    )
    for delete, what, name in ways:
        try:
            done += [words] if (words := await delete(answers)) else []
        except webhooks.NotHere as error:
            problems.append(f'{error} {STAYS.format(name, how_to_run("setup"))}')
        except Refused as error:
            problems.append(str(error))
        else:
            done += await _remove_secret(answers, target, what, name)
            await answers.forget_made(what, name)
    return Undone((*done, LEFT), tuple(problems))


async def _delete_endpoints(answers: Answers) -> str:
    values = answers.values
    if not values.get('STRIPE_SECRET_KEY'):
        return ''
    async with payments_of(values) as payments:
        with stripe_answers():
            url = f'{values.get("DOMAIN", "")}/webhooks/stripe'
            made = await webhooks.endpoints_made(payments, url, answers.made)
            await webhooks.delete_endpoints(payments, made)
    return f'Stripe: {len(made) or "no"} webhook endpoint{"" if len(made) == 1 else "s"} deleted.'


async def _delete_subscription(answers: Answers) -> str:
    if webhooks.SUBSCRIPTION not in answers.made:
        return 'Calendly: no webhook subscription was made here.'
    uri = webhooks.id_of(answers.made[webhooks.SUBSCRIPTION])
    async with scheduling_of(answers.values) as scheduling:
        with calendly_answers():
            if all(each.uri != uri for each in await scheduling.subscriptions.find(uri)):
                raise webhooks.NotHere(NOT_OF_THIS_USER.format(uri.rpartition('/')[2]))
            await scheduling.subscriptions.delete(uri)
    return 'Calendly: the webhook subscription was deleted.'


async def _remove_secret(answers: Answers, target: Path | None, what: str, name: str) -> list[str]:
    """Remove the secret of what was deleted from file and ledger; returns what was done, and what is left."""
    record = answers.made.get(what, '')
    lines = []
    if target and (dead := _dead(record, name, values := read(target))):
        try:
            rest = ','.join(webhooks.others_than(record, values[name]))
            write(target, {name: rest})
            lines.append(_removed(name, dead, rest, str(target)))
        except NotWritten as error:
            lines.append(f'{error}. Remove {dead} from {name} there. {RESTART}')
    kept = await answers.ledger.settings.read(Kept.SETTING)
    if dead := _dead(record, name, kept):
        rest = ','.join(webhooks.others_than(record, kept[name]))
        await answers.ledger.settings.put(Kept.SETTING, {name: rest} if rest else {}, without=[name])
        lines.append(_removed(name, dead, rest, IN_THE_DATABASE))
    if dead := _dead(record, name, answers.fixed):
        lines.append(
            f'{name} is set outside of this command, in the environment or in a file that cannot be '
            f'written: remove {dead} there. {RESTART}'
        )
    await answers.read_given()
    if lines and (problem := problem_of(name, answers.values)):
        lines.append(f'Without it the shop does not start: {problem}')
    return lines


def _dead(record: str, name: str, settings: Mapping[str, str]) -> str:
    """Return the secrets of a setting that belong to a record, as people may see them; '' for none."""
    found = webhooks.secrets_of(record, settings.get(name, ''))
    return ' and '.join(masked(name, each) for each in found)


def _removed(name: str, dead: str, rest: str, place: str) -> str:
    stays = f'; {masked(name, rest)} stays' if rest else ''
    return f'{name}: {dead} was removed from {place}{stays}. {RESTART}'
