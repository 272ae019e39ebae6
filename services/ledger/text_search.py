"""Texts that begin with what somebody has typed, found by an index on both databases."""

from typing import Any

from sqlalchemy import ColumnElement, and_

LAST_CHARACTER = '\U0010ffff'


def begins_with(lowered: ColumnElement[Any], start: str, dialect: str) -> ColumnElement[bool]:
    """Match what begins with a text; PostgreSQL compares by bytes here, as its index does.

    Args:
        lowered: the expression of the index.
        start: what it begins with, in lower case.
        dialect: of the database.
    """
    end = start + LAST_CHARACTER
    if dialect == 'postgresql':
        return and_(lowered.bool_op('~>=~')(start), lowered.bool_op('~<~')(end))
    return and_(lowered >= start, lowered < end)


def spellings(name: str) -> tuple[str, ...]:
    """Return how a database may have written a name in lower case.

    SQLite, and PostgreSQL without a language, change the letters a to z only. So a name that begins with
    another capital letter is also looked for with that.
    """
    return tuple({_lower_a_to_z(name), _lower_a_to_z(name.title()), name.lower()})


def _lower_a_to_z(text: str) -> str:
    return ''.join(letter.lower() if letter.isascii() else letter for letter in text)
