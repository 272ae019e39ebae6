"""Proof that two sides have the same database, without saying its id: an HMAC of what one of them made up."""

import hashlib
import hmac
from enum import StrEnum

NONCE, PROOF = 'Paidslot-Nonce', 'Paidslot-Proof'
"""Headers: what was made up for this one request, and the proof of who asks."""


class Side(StrEnum):
    """Who proves it: what one side has sent is of no use as the proof of the other."""

    CHECK = 'check'
    SHOP = 'shop'


def prove(instance: str, nonce: str, side: Side) -> str:
    """Return the proof of one side.

    Args:
        instance: the id of the database.
        nonce: what the check made up.
        side: who proves it.
    """
    return hmac.new(instance.encode(), f'{side}.{nonce}'.encode(), hashlib.sha256).hexdigest()


def is_proven(given: object, instance: str, nonce: str, side: Side) -> bool:
    """Say whether a proof is right.

    Args:
        given: what came from the other side.
        instance: the id of the database.
        nonce: what the check made up.
        side: who proves it.
    """
    right = prove(instance, nonce, side)
    return bool(instance) and hmac.compare_digest(str(given).encode('utf-8', 'replace'), right.encode())
