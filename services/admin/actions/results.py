"""What became of an action of the operator: one of these, never free text, so that a URL can carry it."""

import enum


class Result(enum.StrEnum):
    """What became of an action; the value goes into the URL, ``words`` onto the page.

    ``is_done`` tells what was done, or will be, from what was refused.
    """

    CHECKED = 'checked'
    SILENT = 'silent'
    LINK_MAILED = 'link-mailed'
    LINK_NOT_MAILED = 'link-not-mailed'
    NO_MAIL = 'no-mail'
    NO_ADDRESS = 'no-address'
    NEW_LINK = 'new-link'
    NEW_LINK_LATER = 'new-link-later'
    LINK_CHANGED = 'link-changed'
    NO_LINKS = 'no-links'
    NO_CALENDAR = 'no-calendar'
    IS_BOOKED = 'is-booked'
    EMAIL_CORRECTED = 'email-corrected'
    NO_EMAIL = 'no-email'
    FORGOTTEN = 'forgotten'
    REFUND_BEGUN = 'refund-begun'
    REFUND_KNOWN = 'refund-known'
    REFUND_TOO_MUCH = 'refund-too-much'
    REFUND_CHANGED = 'refund-changed'
    REFUND_NOTHING = 'refund-nothing'
    NO_AMOUNT = 'no-amount'
    NO_REASON = 'no-reason'
    FRAUD_NOT_CONFIRMED = 'fraud-not-confirmed'
    CANCEL_BEGUN = 'cancel-begun'
    CANCEL_KNOWN = 'cancel-known'
    NO_MEETING = 'no-meeting'
    WITHOUT_API = 'without-api'
    ATTACHED = 'attached'
    ATTACHED_ALREADY = 'attached-already'
    OF_ANOTHER_ORDER = 'of-another-order'
    NO_BOOKING = 'no-booking'
    DETACHED = 'detached'
    DUPLICATE = 'duplicate'
    NO_DUPLICATE = 'no-duplicate'
    NO_ORIGINAL = 'no-original'
    NOTED = 'noted'
    NO_NOTE = 'no-note'
    RETRIED = 'retried'
    NOTHING_TO_RETRY = 'nothing-to-retry'
    HANDLED = 'handled'
    EVIDENCE_BEGUN = 'evidence-begun'
    NO_DISPUTE = 'no-dispute'
    BAD_FORM = 'bad-form'
    UNKNOWN = 'unknown'
    FAILED = 'failed'

    @property
    def words(self) -> str:
        """What the page says."""
        return WORDS[self]

    @property
    def is_done(self) -> bool:
        """Whether it was done, or will be."""
        return self in DONE


WORDS = {
    Result.CHECKED: 'The payment was read at Stripe just now.',
    Result.SILENT: 'Stripe does not answer. Nothing was changed. Try again in a minute.',
    Result.LINK_MAILED: 'The link is being mailed to the customer.',
    Result.LINK_NOT_MAILED: 'The link was mailed a moment ago. It is not mailed twice.',
    Result.NO_MAIL: 'This shop sends no mail: SMTP_URL is not set. Copy the link and send it yourself.',
    Result.NO_ADDRESS: 'This order has no e-mail address. Correct the address first, or copy the link.',
    Result.NEW_LINK: 'The order has a new calendar link. The old one is being deleted.',
    Result.NEW_LINK_LATER: (
        'The old calendar link is being deleted. Calendly does not answer: the new link is made when the '
        'customer opens the page of the order.'
    ),
    Result.LINK_CHANGED: 'The order has another calendar link by now. Nothing was changed.',
    Result.NO_LINKS: 'This shop has no CALENDLY_TOKEN: all orders share one calendar address.',
    Result.NO_CALENDAR: 'This order shows no calendar, so it needs no calendar link.',
    Result.IS_BOOKED: 'The order is booked. Cancel the booking first: then another time can be picked.',
    Result.EMAIL_CORRECTED: 'The mail of this order goes to the corrected address.',
    Result.NO_EMAIL: 'That is no complete e-mail address. Nothing was changed.',
    Result.FORGOTTEN: 'The customer of this order was forgotten: no address is kept for it.',
    Result.REFUND_BEGUN: 'The refund is being carried out.',
    Result.REFUND_KNOWN: 'This refund is known already. It is not made twice.',
    Result.REFUND_TOO_MUCH: 'That is more than what is left of the payment. Nothing was refunded.',
    Result.REFUND_CHANGED: (
        'What is left of the payment has changed since the page was opened. Nothing was refunded. Look again.'
    ),
    Result.REFUND_NOTHING: 'Nothing is left of the payment that could be refunded.',
    Result.NO_AMOUNT: 'That is no amount in the currency of the order. Write it like 50 or 49.50.',
    Result.NO_REASON: 'Choose why the money goes back. Nothing was refunded.',
    Result.FRAUD_NOT_CONFIRMED: (
        'Refunding as fraudulent puts the card and the e-mail address of the customer on the block lists of '
        'Stripe. Confirm that, or choose another reason. Nothing was refunded.'
    ),
    Result.CANCEL_BEGUN: 'The meeting is being canceled. Calendly tells the customer.',
    Result.CANCEL_KNOWN: 'The meeting is canceled already, or is being canceled.',
    Result.NO_MEETING: 'The order has no such meeting that lies ahead.',
    Result.WITHOUT_API: 'This shop has no CALENDLY_TOKEN. Cancel the meeting in Calendly.',
    Result.ATTACHED: 'The booking belongs to this order now.',
    Result.ATTACHED_ALREADY: 'The booking belongs to this order already.',
    Result.OF_ANOTHER_ORDER: 'The booking belongs to another order. Detach it there first.',
    Result.NO_BOOKING: 'There is no such booking.',
    Result.DETACHED: 'The booking does not belong to this order any more. It is listed as unmatched.',
    Result.DUPLICATE: 'The order is marked as a duplicate.',
    Result.NO_DUPLICATE: 'The order is no duplicate.',
    Result.NO_ORIGINAL: 'There is no other paid order with this reference. Nothing was changed.',
    Result.NOTED: 'The note is in the journal.',
    Result.NO_NOTE: 'The note is empty.',
    Result.RETRIED: 'It is being tried again.',
    Result.NOTHING_TO_RETRY: 'It has not failed, or it is being tried again already.',
    Result.HANDLED: 'The booking is marked as handled.',
    Result.EVIDENCE_BEGUN: 'The draft is being written into the dispute. It is not submitted.',
    Result.NO_DISPUTE: 'This payment has no dispute that can be answered.',
    Result.BAD_FORM: 'The form was not complete. Nothing was changed. Open the page again.',
    Result.UNKNOWN: 'There is no such order.',
    Result.FAILED: 'Something went wrong. Look at the journal of the order before you try again.',
}
DONE = frozenset(
    {
        Result.CHECKED,
        Result.LINK_MAILED,
        Result.LINK_NOT_MAILED,
        Result.NEW_LINK,
        Result.NEW_LINK_LATER,
        Result.EMAIL_CORRECTED,
        Result.REFUND_BEGUN,
        Result.REFUND_KNOWN,
        Result.CANCEL_BEGUN,
        Result.CANCEL_KNOWN,
        Result.ATTACHED,
        Result.ATTACHED_ALREADY,
        Result.DETACHED,
        Result.DUPLICATE,
        Result.NO_DUPLICATE,
        Result.NOTED,
        Result.RETRIED,
        Result.HANDLED,
        Result.EVIDENCE_BEGUN,
    }
)
