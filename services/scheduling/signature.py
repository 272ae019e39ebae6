"""Whether a delivery was signed by Calendly."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from services.errors import NotSigned, WrongClock, WrongSecret

REPLAY_WINDOW = timedelta(minutes=3)
FORM = re.compile(r't=\d+,v1=[0-9a-f]{64}')
WORDS = 'This is not a delivery signed by Calendly.'


def check_signature(
    body: bytes, header: str, keys: Sequence[str], *, now: Callable[[], float] = time.time
) -> None:
    """Check that Calendly signed a delivery (developer.calendly.com, webhook signatures).

    Args:
        body: the raw bytes, as they arrived.
        header: the Calendly-Webhook-Signature header, ``t=…,v1=…`` over ``t.body``.
        keys: the signing keys in use; one that matches is enough.
        now: seconds since 1970.

    Raises:
        NotSigned: the signature is missing, wrong or of another time.
    """
    parts = [part.partition('=') for part in header.split(',')]
    stamp = next((value for name, _, value in parts if name.strip() == 't'), '')
    given = [value.strip().encode() for name, _, value in parts if name.strip() == 'v1']
    if not given or not stamp.isdecimal() or len(stamp) > 20:
        raise NotSigned(WORDS)
    right = [
        hmac.new(key.encode(), stamp.encode() + b'.' + body, hashlib.sha256).hexdigest().encode()
        for key in keys
    ]
    age = int(now()) - int(stamp)
    is_fresh = abs(age) <= REPLAY_WINDOW.total_seconds()
    if not any(hmac.compare_digest(one, other) for one in given for other in right):
        raise WrongSecret(WORDS, is_plausible=is_fresh and FORM.fullmatch(header) is not None)
    if not is_fresh:
        raise WrongClock('This delivery is too old, or its clock is wrong.', age=age)
