"""The error tree: what went wrong, the words a customer may read, and whether trying again helps."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

log = logging.getLogger(__name__)


class ShopError(Exception):
    """Anything the shop refuses or fails at, with its public words.

    The exception's own text is for the log only; ``words`` is for the customer. ``id`` joins the two.
    ``is_logged`` says that whoever raised it has logged or counted it: it is not logged again.
    """

    code: ClassVar[str] = 'internal'
    status: ClassVar[int] = 500
    words: ClassVar[str] = 'Something went wrong on our side. You have not been charged.'
    level: ClassVar[int] = logging.ERROR
    with_contact: ClassVar[bool] = True
    is_logged: ClassVar[bool] = False

    def __init__(self, cause: str = '', *, retry_after: int | None = None) -> None:
        """Make the error.

        Args:
            cause: what happened, for the log.
            retry_after: seconds after which trying again makes sense, if somebody said so.
        """
        super().__init__(cause or self.code)
        self.id = secrets.token_hex(4)
        self.retry_after = retry_after


class OurFault(ShopError):
    """A fault of the shop or its machine, before the customer reached Stripe."""


class Unreadable(OurFault):
    """A stored delivery whose shape is unknown: trying it again would not help."""


class LedgerUnavailable(OurFault):
    """The database does not work; all failures of one outage share the id that its log line has."""

    is_logged = True

    def __init__(self, cause: str, *, error_id: str) -> None:
        super().__init__(cause)
        self.id = error_id


class PaymentUnreachable(ShopError):
    """Stripe could not be reached, or did not answer in time."""

    code = 'payment_unreachable'
    status = 503
    words = 'We could not reach the payment service. You have not been charged. Please try again.'
    level = logging.WARNING
    with_contact = False


class PaymentBusy(PaymentUnreachable):
    """Stripe answered 5xx or 429."""

    code = 'payment_busy'
    words = 'We could not reach the payment service. You have not been charged. Please try again in a moment.'


class PaymentUnclear(PaymentUnreachable):
    """An earlier session of this browser cannot be read: it may have been paid."""

    code = 'payment_unclear'
    words = (
        'The payment service does not answer. If you have paid already, your payment is safe: do not pay '
        'again. Otherwise please try again in a moment.'
    )
    with_contact = True

    def __init__(self, cause: ShopError) -> None:
        super().__init__(str(cause), retry_after=cause.retry_after)
        self.level = cause.level  # type: ignore[misc]  # what only the operator can mend stays an error


class PaymentsUnavailable(ShopError):
    """The key, the price or the set-up at Stripe is wrong: only the operator can repair it."""

    code = 'payments_unavailable'
    status = 503
    words = 'Payments are not available right now. You have not been charged.'


class PaymentRefused(PaymentsUnavailable):
    """Stripe has answered that it will not do what the operator wants; ``reason`` is its code for it."""

    def __init__(self, cause: str, *, reason: str) -> None:
        super().__init__(cause)
        self.reason = reason


class PriceChanged(ShopError):
    """The page the customer read shows another amount than would be charged now."""

    code = 'price_changed'
    status = 409
    words = 'The price has changed since this page was opened. You have not been charged. Please look again.'
    level = logging.INFO
    with_contact = False


class AlreadyPaid(ShopError):
    """A payment for the same offer was just made or begun in this browser."""

    code = 'already_paid'
    status = 409
    words = (
        'A payment was just made or begun here, in this browser. '
        'If it was yours, do not pay again. To buy a second session, press the button once more.'
    )
    level = logging.INFO


class UnknownOffer(ShopError):
    """The request names an offer that is not for sale."""

    code = 'unknown_offer'
    status = 404
    words = 'There is no such offer.'
    level = logging.INFO
    with_contact = False


class BadRequest(ShopError):
    """A malformed request to an endpoint; the words say what is expected."""

    code = 'bad_request'
    status = 400
    level = logging.INFO
    with_contact = False

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words  # type: ignore[misc]  # made per request, by us


class NotSigned(BadRequest):
    """A delivery without a signature that can be read: it does not come from the vendor."""


class WrongSecret(NotSigned):
    """A delivery whose signature matches none of the configured secrets.

    ``is_plausible`` says that it is dated now and has the form of the vendor's signatures.
    """

    def __init__(self, words: str, *, is_plausible: bool = False) -> None:
        super().__init__(words)
        self.is_plausible = is_plausible


class WrongClock(NotSigned):
    """A delivery whose signature is right, but which is dated too long ago or ahead; ``age`` in seconds."""

    def __init__(self, words: str, *, age: int) -> None:
        super().__init__(words)
        self.age = age


class BodyTooLarge(ShopError):
    """A body longer than the endpoint takes."""

    code = 'body_too_large'
    status = 413
    words = 'That is more than this address takes.'
    level = logging.INFO
    with_contact = False


class UnsupportedType(ShopError):
    """A body of another kind than the endpoint takes."""

    code = 'unsupported_type'
    status = 415
    words = 'Please send application/json.'
    level = logging.INFO
    with_contact = False


class BodyTooSlow(ShopError):
    """A body that did not arrive in time."""

    code = 'body_too_slow'
    status = 408
    words = 'That took too long to arrive.'
    level = logging.INFO
    with_contact = False


class TooManyRequests(ShopError):
    """Too many requests from one client, or from all clients together."""

    code = 'too_many_requests'
    status = 429
    words = 'That was a little too often. You have not been charged. Please try again in a minute.'
    level = logging.INFO
    with_contact = False
    is_logged = True


class InvalidEmail(ShopError):
    """What was typed is no e-mail address."""

    code = 'invalid_email'
    status = 400
    words = 'That is not a complete e-mail address. Please check it: it looks like name@example.com.'
    level = logging.INFO
    with_contact = False


class WrongPassword(ShopError):
    """The password of the admin is another one."""

    code = 'wrong_password'
    status = 403
    words = 'That is not the password.'
    level = logging.WARNING
    with_contact = False


class NotOurForm(ShopError):
    """A form of the admin that was not sent from one of its pages, or from a sign-in that has ended."""

    code = 'not_our_form'
    status = 403
    words = 'This form is not from this sign-in. Nothing was changed. Please open the page again.'
    level = logging.WARNING
    with_contact = False


class CorrectedJustNow(ShopError):
    """The e-mail address of an order was corrected less than an hour ago."""

    code = 'corrected_just_now'
    status = 429
    words = 'The address was corrected less than an hour ago. Please try again later, or ask us.'
    level = logging.INFO


class SalesPaused(ShopError):
    """Many sessions were opened and nearly none was paid: somebody tries stolen cards here."""

    code = 'sales_paused'
    status = 503
    words = 'Online payment is paused for a short time. You have not been charged. Please call us.'
    level = logging.INFO
    is_logged = True


class SellingStopped(ShopError):
    """The operator has stopped selling; the words are the operator's."""

    code = 'selling_stopped'
    status = 503
    level = logging.INFO

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words  # type: ignore[misc]  # the operator wrote them


class NothingFree(ShopError):
    """No time can be booked, and the operator does not sell then."""

    code = 'nothing_free'
    status = 409
    words = 'No time is free in the next 31 days. You have not been charged.'
    level = logging.INFO


class NotKnownYet(ShopError):
    """A delivery names a meeting or an order that may become known later: it is kept and tried again."""

    code = 'not_known_yet'
    status = 503
    level = logging.INFO


class CalendarUnavailable(ShopError):
    """Calendly could not be reached, or refused."""

    code = 'calendar_unavailable'
    status = 503
    words = 'Your payment is safe. The calendar does not answer yet; this page keeps trying.'
    level = logging.WARNING


class CalendarRefused(CalendarUnavailable):
    """Calendly answered, but not with what was requested; other requests may succeed."""


class CalendarBusy(CalendarUnavailable):
    """Calendly's limit is reached: it is not asked now. Whoever counts the requests has logged it."""

    code = 'calendar_busy'
    is_logged = True


AFTER_STRIPE = 'If you paid, your payment is safe. Do not pay again; this page keeps checking.'
"""What is said of every failure once the customer has been sent to Stripe."""


@contextmanager
def reported(doing: str) -> Iterator[None]:
    """Log whatever fails inside, once, and let only errors with public words out.

    Args:
        doing: what was attempted, for the log line.

    Raises:
        ShopError: the failure itself, or OurFault in place of an unexpected exception.
    """
    try:
        yield
    except ShopError as error:
        if not error.is_logged:
            log.log(error.level, '%s failed: %s: %s [error %s]', doing, error.code, error, error.id)
        raise
    except Exception as error:
        fault = OurFault()
        log.exception('%s failed unexpectedly [error %s]', doing, fault.id)
        raise fault from error


@contextmanager
def unclear_if_silent() -> Iterator[None]:
    """Turn any failure to read an earlier session into PaymentUnclear: the customer may have been charged.

    Raises:
        PaymentUnclear: the session could not be read.
    """
    try:
        yield
    except ShopError as error:
        raise PaymentUnclear(error) from error
