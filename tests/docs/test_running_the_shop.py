"""docs/running-the-shop.md explains everything that the operator can meet."""

import re

import pytest

from services.admin.attention_words import TITLES
from services.ledger.matters import AttentionKind
from tests.docs import documents

PAGE = 'docs/running-the-shop.md'


@pytest.mark.parametrize('kind', AttentionKind)
def test_each_kind_of_row_is_explained(kind: AttentionKind) -> None:
    """Each kind of "Needs a hand" has a heading with its title, and at least two sentences below it."""
    parts = re.split(r'^### (.+)$', documents.read(PAGE), flags=re.MULTILINE)
    explained = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert explained.get(TITLES[kind], '').count('.') >= 2


def test_the_order_is_that_of_the_page() -> None:
    """The headings come in the order in which the page shows the rows."""
    headings = re.findall(r'^### (.+)$', documents.read(PAGE), re.MULTILINE)
    titles = [TITLES[kind] for kind in AttentionKind]
    assert [heading for heading in headings if heading in titles] == titles
