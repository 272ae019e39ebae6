"""The disputes of a charge, by the money that they moved (docs.stripe.com/api/disputes/object)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# Decided in the shop's favour, or an inquiry that came to nothing.
WON = frozenset({'won', 'warning_closed'})
# Decided against the shop. An appeal changes nothing until it is won; "prevented" returns the money at once.
LOST = frozenset({'lost', 'prevented', 'appeal_needs_response', 'appeal_under_review'})


@dataclass(frozen=True)
class Disputes:
    """All disputes of a charge together; amounts in minor units.

    ``disputed`` is what open ones ask for, ``lost`` what decided ones took, ``status`` the worst one.
    ``due_at`` is until when the first open one must be answered, in UTC, where Stripe says it.
    ``open_ids`` are the ids of the open ones, with commas in between.
    """

    disputed: int = 0
    lost: int = 0
    status: str = ''
    due_at: datetime | None = None
    open_ids: str = ''


def disputes_of(charge: Mapping[str, Any]) -> Disputes:
    """Translate the disputes of a charge; a status that is not known yet counts as open.

    If the key may not read disputes, the charge itself says that there is one.
    """
    disputes: Sequence[Mapping[str, Any]] | None = charge.get('disputes')
    if disputes is None:
        return (
            Disputes(int(charge.get('amount') or 0), 0, 'unknown') if charge.get('disputed') else Disputes()
        )
    statuses = [str(dispute.get('status')) for dispute in disputes]
    pairs = list(zip(statuses, disputes, strict=True))
    still_open = [dispute for status, dispute in pairs if status not in LOST | WON]
    ranked = sorted(statuses, key=lambda status: (status in LOST, status not in WON), reverse=True)
    return Disputes(
        disputed=sum(dispute.get('amount') or 0 for dispute in still_open),
        lost=sum(_taken(dispute) for status, dispute in pairs if status in LOST),
        status=ranked[0] if ranked else '',
        due_at=_due_at(still_open),
        open_ids=','.join(sorted(str(dispute['id']) for dispute in still_open)),
    )


def _due_at(open_disputes: Iterable[Mapping[str, Any]]) -> datetime | None:
    dates = [(dispute.get('evidence_details') or {}).get('due_by') for dispute in open_disputes]
    known = [date for date in dates if isinstance(date, int)]
    return datetime.fromtimestamp(min(known), UTC) if known else None


def _taken(dispute: Mapping[str, Any]) -> int:
    """Return what a lost dispute took: by its balance transactions, else by its amount.

    The transactions are in the currency of the account's balance, which may be another one than the charge's.
    """
    moved = dispute.get('balance_transactions') or []
    if moved and all(each.get('currency') == dispute.get('currency') for each in moved):
        return max(0, -sum(int(each.get('amount') or 0) for each in moved))
    return int(dispute.get('amount') or 0)
