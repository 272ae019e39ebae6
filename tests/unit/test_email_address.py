"""E-mail addresses as people type them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.mail.message import ascii_address
from services.orders import parse_email

LETTERS = st.sampled_from('aZ9._-+\'@ =?<>"\r\n\0éß漢.')


@pytest.mark.parametrize(
    ('typed', 'email'),
    [
        (' Pat@Example.COM\n', 'Pat@example.com'),
        ("pat.o'neil+exam@mail.example.org", "pat.o'neil+exam@mail.example.org"),
        ('pat@bücher.example', 'pat@xn--bcher-kva.example'),
    ],
)
def test_an_address_is_taken(typed: str, email: str) -> None:
    """Spaces around it are none of it, and the domain is written as the DNS has it."""
    assert parse_email(typed) == email


@pytest.mark.parametrize(
    'typed',
    [
        'pat', 'pat@', '@example.com', 'pat@example', 'pat@@example.com', 'pat@-a.example', 'pat@a-.example',
        'pat@example..com', '.pat@example.com', 'pat.@example.com', 'p..t@example.com', 'pat @example.com',
        '"pat"@example.com', 'pät@example.com', 'pat@example.com, sam@example.com', f'{"p" * 65}@example.com',
        f'pat@{"a" * 64}.example', 'pat@exam\nple.com',
    ],
)  # fmt: skip
def test_what_is_none_is_refused(typed: str) -> None:
    """Each of these would be refused by a mail server, or reach somebody else."""
    with pytest.raises(ValueError, match=r'no (domain|e-mail address)'):
        parse_email(typed)


@given(st.text(LETTERS, max_size=12).map(lambda text: f'{text}.example') | st.text(max_size=30))
@example('a@b.example\r\nBcc: c@d.example')
def test_what_is_taken_can_be_written_to(typed: str) -> None:
    """Whatever is typed: it is refused, or one line that an e-mail can be sent to."""
    try:
        email = parse_email(typed)
    except ValueError:
        return
    assert ascii_address(email) == email
    assert email.isprintable()
    assert parse_email(email) == email
