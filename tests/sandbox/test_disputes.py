"""The sandbox's disputes: evidence is staged, or submitted."""

from typing import Any

import httpx
import pytest

from tests.sandbox.checkout_sessions import create_session
from tests.sandbox_client import SandboxClient


@pytest.fixture
def dispute(sandbox: SandboxClient) -> str:
    """The path of an open dispute."""
    session = create_session(sandbox)
    sandbox.pay(session)
    return f'/stripe/v1/disputes/{sandbox.act("dispute", session=session)["id"]}'


def sent(http: httpx.Client, dispute: str, **fields: str) -> dict[str, Any]:
    """Send evidence."""
    answer: dict[str, Any] = http.post(dispute, data=fields).json()
    return answer


def test_staged_evidence_waits(http: httpx.Client, dispute: str) -> None:
    """It can be read and changed, and nothing was submitted."""
    sent(http, dispute, **{'evidence[customer_name]': 'Ann', 'submit': 'false'})
    staged = sent(http, dispute, **{'evidence[product_description]': 'An hour', 'submit': 'false'})
    evidence, details = staged['evidence'], staged['evidence_details']
    assert (evidence['customer_name'], evidence['product_description']) == ('Ann', 'An hour')
    assert (staged['status'], details['has_evidence'], details['submission_count']) == (
        'needs_response',
        True,
        0,
    )


def test_evidence_is_submitted_by_default_and_once(http: httpx.Client, dispute: str) -> None:
    """After that it cannot be changed."""
    submitted = sent(http, dispute, **{'evidence[customer_name]': 'Ann'})
    assert (submitted['status'], submitted['evidence_details']['submission_count']) == ('under_review', 1)
    assert 'error' in sent(http, dispute, **{'evidence[customer_name]': 'Bob', 'submit': 'false'})


def test_evidence_that_is_too_long_is_refused(http: httpx.Client, dispute: str) -> None:
    """Each text, and all of them together, have a limit."""
    too_long = sent(http, dispute, **{'evidence[uncategorized_text]': 'x' * 20_001, 'submit': 'false'})
    assert too_long['error']['param'] == 'evidence[uncategorized_text]'
    names = (
        *('access_activity_log', 'cancellation_policy_disclosure', 'cancellation_rebuttal'),
        *('duplicate_charge_explanation', 'product_description', 'refund_policy_disclosure'),
        *('refund_refusal_explanation', 'uncategorized_text'),
    )
    whole = {f'evidence[{name}]': 'x' * 19_000 for name in names}
    assert sent(http, dispute, **whole, submit='false')['error']['param'] == 'evidence'
    assert http.get(dispute).json()['evidence']['uncategorized_text'] is None
