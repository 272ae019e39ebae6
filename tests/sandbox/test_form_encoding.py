"""The sandbox's decoder of Stripe's form encoding."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.stripe.errors import StripeError
from services.sandbox.stripe.form_encoding import decode


@pytest.mark.parametrize(
    ('pairs', 'decoded'),
    [
        ([('a[0][b]', '1'), ('a[1][b]', '2')], {'a': [{'b': '1'}, {'b': '2'}]}),
        ([('a[][b]', '1'), ('a[][c]', '2'), ('a[][b]', '3')], {'a': [{'b': '1', 'c': '2'}, {'b': '3'}]}),
        ([('expand[]', 'x'), ('expand[]', 'y')], {'expand': ['x', 'y']}),
        ([('m[a b]', '1'), ('m[c]', '')], {'m': {'a b': '1', 'c': ''}}),
    ],
)
def test_brackets_make_lists_and_objects(pairs: list[tuple[str, str]], decoded: object) -> None:
    """Indexed, empty and named brackets are decoded as Stripe decodes them."""
    assert decode(pairs) == decoded


@given(st.lists(st.tuples(st.text('ab[]01', max_size=8), st.text(max_size=3)), max_size=5))
def test_any_name_is_decoded_or_rejected(pairs: list[tuple[str, str]]) -> None:
    """For any names the decoder returns an object or raises Stripe's error, and nothing else."""
    with contextlib.suppress(StripeError):
        assert isinstance(decode(pairs), dict)


@pytest.mark.parametrize('name', ['a[b', 'a]', '[a]', 'a[b]c', 'a[[b]]', ''])
def test_a_malformed_name_is_rejected(name: str) -> None:
    """Unbalanced brackets raise Stripe's error."""
    with pytest.raises(StripeError, match='Invalid parameter name'):
        decode([(name, '1')])
