"""What the set-up cannot do, in words for the operator."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.errors import CalendarUnavailable, PaymentsUnavailable, ShopError
from services.payments import means_missing, refuses_key
from services.scheduling import PUBLIC_LINK, SCOPES, CalendarProblem, problem_of_error

WHERE_KEYS = 'Keys are in Stripe Dashboard > Developers > API keys.'

TOKEN_SCOPES = ', '.join(('users:read', *SCOPES, 'webhooks:write', 'event_types:write'))
"""What a token must have for the shop and for this set-up."""
ANOTHER = (
    'Make a new one in Calendly > Integrations > API and webhooks, and enter it in the step for the token: '
    'the scopes are listed there.'
)


class Refused(Exception):
    """A step cannot be taken like this; the text is for the operator.

    ``may_skip`` says that the shop also works without it.
    """

    def __init__(self, words: str, *, may_skip: bool = False) -> None:
        super().__init__(words)
        self.may_skip = may_skip


@contextmanager
def stripe_answers(*, may_skip: bool = False, missing: str = '') -> Iterator[None]:
    """Turn what Stripe refuses into words for the operator.

    Args:
        may_skip: whether the shop also works without the step.
        missing: what to say if Stripe does not have the object.

    Raises:
        Refused: Stripe refuses, or does not answer.
    """
    try:
        yield
    except PaymentsUnavailable as error:
        words = str(error)
        if refuses_key(error):
            words = 'Stripe does not know this key, or it has expired. ' + WHERE_KEYS
        elif missing and means_missing(error):
            words = missing
        raise Refused(words, may_skip=may_skip) from error
    except ShopError as error:
        raise Refused(f'Stripe does not answer: {error}. Try again in a moment.') from error


@contextmanager
def calendly_answers(*, may_skip: bool = False) -> Iterator[None]:
    """Turn what Calendly refuses into words for the operator.

    Raises:
        Refused: Calendly refuses, or does not answer.
    """
    try:
        yield
    except CalendarUnavailable as error:
        raise Refused(words_of(problem_of_error(error)), may_skip=may_skip) from error


def words_of(problem: CalendarProblem) -> str:
    """Say what is wrong at Calendly, and what helps while the shop is set up: nothing is sold yet."""
    remedy = ANOTHER if problem.refused else problem.remedy.removesuffix(PUBLIC_LINK).strip()
    return f'{problem.problem}. {remedy}'
