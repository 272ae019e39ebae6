"""Mails as they are built: both parts say the same, headers are safe, and every address can be written."""

import email
import re
import string
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mail import Button, Letterhead, Message, Note, build
from services.mail.message import as_html, as_text, ascii_address
from tests.factories import NOON

LETTERHEAD = Letterhead(
    name='C&P Exam Coaching',
    sender='orders@coach.example',
    reply_to='hello@coach.example',
    contact=('hello@coach.example', '(202) 555-0143'),
    accent='#0b5d3b',
    accent_dark='#7fc8a0',
    host='coach.example',
)
MESSAGE = Message(
    id='ABCD-2345.paid',
    to='pat@example.com',
    subject='You have paid: pick your time',
    text=('Thank you, Pat.', 'Your payment has arrived. ' * 8),
    facts=(('Paid', '$150'), ('Reference', 'ABCD-2345')),
    button=Button('Pick your time', 'https://coach.example/order/token'),
    closing=('Keep this mail.',),
)
HEADERS = ['Date', 'From', 'To', 'Reply-To', 'Subject', 'Message-ID', 'Auto-Submitted']
ANY_TEXT = st.text(st.characters(exclude_categories=['Cs'])) | st.sampled_from(
    [
        '\r\nBcc: all@example.com',
        'a\nb',
        '\x85Bcc: x',
        '\u2028Bcc: x',
        '\x00',
        '=?utf-8?q?a=0D=0AB?=',
        '"<a@b>,',
    ]
)


def received(mail: EmailMessage) -> EmailMessage:
    """Return a mail as the recipient's program reads it."""
    parsed = email.message_from_bytes(mail.as_bytes(policy=SMTP), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    """Return the text of one part of a mail."""
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace('\r\n', '\n')


def test_a_mail_has_two_parts_and_every_header() -> None:
    """It has a date, a fixed id, a reply address, and says that a machine sends it."""
    mail = received(build(MESSAGE, LETTERHEAD, now=NOON))

    assert mail.get_content_type() == 'multipart/alternative'
    assert [each.get_content_type() for each in mail.iter_parts()] == ['text/plain', 'text/html']
    assert mail['Message-ID'] == '<ABCD-2345.paid@coach.example>'
    assert mail['Date'].datetime == NOON
    assert mail['From'] == 'C&P Exam Coaching <orders@coach.example>'
    assert mail['Reply-To'] == 'C&P Exam Coaching <hello@coach.example>'
    assert (mail['To'], mail['Auto-Submitted']) == ('pat@example.com', 'auto-generated')


def test_the_text_alone_is_enough() -> None:
    """The text has everything the HTML has; its lines are short, and each address has one to itself."""
    message = replace(
        MESSAGE, banner='Demo: nothing is real.', notes=(Note('Paid twice', 'Look.', 'https://x.example'),)
    )
    text = part(received(build(message, LETTERHEAD, now=NOON)), 'plain')

    assert '\nhttps://coach.example/order/token\n' in text
    assert 'Paid:      $150\nReference: ABCD-2345\n' in text
    assert '* Paid twice\nLook.\nhttps://x.example\n' in text
    assert max(map(len, text.splitlines())) <= 72
    assert not any(line.startswith(' ') for line in text.splitlines())
    assert set(re.findall(r'\w{2,}', text)) <= set(re.findall(r'\w{2,}', as_html(message, LETTERHEAD)))


def test_the_html_loads_nothing_and_shows_the_accent() -> None:
    """There is no script, picture or style sheet from elsewhere; the accent follows the colour scheme."""
    html = as_html(MESSAGE, LETTERHEAD)
    assert not re.search(r'<(script|img|link|iframe|form|object)|url\(|@import|\son\w+=', html)
    assert html.count('href=') == 2  # the button, and its address to copy
    assert LETTERHEAD.accent in html
    assert LETTERHEAD.accent_dark in html
    assert 'C&amp;P Exam Coaching' in html


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_text_reaches_the_headers_or_the_markup(name: str, subject: str, text: str) -> None:
    """Whatever a name or a text holds, the mail has its seven headers once, and its HTML no new element."""
    letterhead = replace(LETTERHEAD, name=name, contact=(text,))
    message = replace(
        MESSAGE, subject=subject, text=(text,), facts=((name, text),), notes=(Note(name, text),)
    )
    raw = build(message, letterhead, now=NOON).as_bytes(policy=SMTP)
    mail = email.message_from_bytes(raw, policy=default)

    assert isinstance(mail, EmailMessage)
    own = [header for header in mail if header not in ('MIME-Version', 'Content-Type')]
    assert own == HEADERS
    assert mail['To'] == MESSAGE.to
    assert [address.addr_spec for address in mail['From'].addresses] == [LETTERHEAD.sender]
    assert b'\r' not in raw.replace(b'\r\n', b'')
    assert b'\n' not in raw.replace(b'\r\n', b'')
    assert max(map(len, raw.split(b'\r\n'))) <= 998
    tags = re.findall(r'<\s*/?\s*\w+', as_html(replace(message, text=('x',)), LETTERHEAD))
    assert re.findall(r'<\s*/?\s*\w+', as_html(message, LETTERHEAD)) == tags
    as_text(message, letterhead)


@pytest.mark.parametrize(
    ('address', 'written'),
    [
        ('pat@example.com', 'pat@example.com'),
        (" o'neil+x@Example.com ", "o'neil+x@Example.com"),
        ('pat@bücher.example', 'pat@xn--bcher-kva.example'),
    ],
)
def test_addresses_are_written_as_they_travel(address: str, written: str) -> None:
    """White space around them is removed, and a domain with other letters has its ASCII form."""
    assert ascii_address(address) == written


@given(ANY_TEXT | st.text(string.printable) | st.just('pät@example.com'))
def test_an_address_is_written_safely_or_refused(text: str) -> None:
    """No text adds a recipient: it is one address without white space, or refused."""
    for address in (text, f'{text}@example.com', f'pat@{text}'):
        try:
            written = ascii_address(address)
        except ValueError:
            continue
        assert re.fullmatch(r'[!-~]+@[A-Za-z0-9.-]+', written)
        mail = received(build(replace(MESSAGE, to=address), LETTERHEAD, now=NOON))
        assert [one.addr_spec for one in mail['To'].addresses] == [written]
