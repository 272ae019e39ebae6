"""Settings that somebody has changed since an answer was given: the answer is older than they are."""

from collections.abc import Mapping

from services.set_up.steps import LISTS, OUTDATES
from services.set_up.webhooks import each_of


def still_valid(
    draft: Mapping[str, str], before: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, str]:
    """Return the answers without those that are older than their settings: their steps are taken again.

    Of a list of secrets both are kept: what the answer has added, and what was added to the setting since.

    Args:
        draft: the answers.
        before: the settings when the answers were given; an answer without one stays.
        now: the settings that there are.
    """
    changed = {
        name: was
        for name, was in before.items()
        if name in draft and now.get(name, '') not in (was, draft[name])
    }
    old = {name for name in changed if name not in LISTS}
    old |= {other for name in old for other in OUTDATES.get(name, ())}
    both = {
        name: _both(draft[name], was, now.get(name, '')) for name, was in changed.items() if name in LISTS
    }
    return {name: value for name, value in {**draft, **both}.items() if name not in old}


def _both(answer: str, was: str, now: str) -> str:
    answered, old, new = each_of(answer), each_of(was), each_of(now)
    kept = [each for each in answered if each in new or each not in old]
    return ','.join(kept + [each for each in new if each not in old and each not in kept])
