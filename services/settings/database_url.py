"""Which database URLs are accepted, and what is wrong with another, in words without its password."""

import re

from services.settings.place import HOME

FILE = 'sqlite:///'
SERVER = re.compile(
    r"""postgres(ql)?://
    ([^:@/\s]+ (:[^@/\s]*)? @)?  # user, password
    [^@/?\s]*                    # hosts, ports
    (/[^@/?\s]*)?                # database
    (\?\S*)?                     # parameters of libpq
    """,
    re.VERBOSE,
)
BROKEN_ESCAPE = re.compile(r'%(?![0-9A-Fa-f]{2})|%00')
SHAPE = (
    'must look like postgresql://user:password@host:5432/name '
    '(in a user or a password write %25 for %, %40 for @, %2F for /, %3A for :)'
)


def problem_of(url: str) -> str:
    """Say what is wrong with a database URL, '' when it can be tried.

    Args:
        url: a file (``sqlite:///path``) or a server (``postgresql://…``, or ``postgres://…`` as hosting
            companies write it).
    """
    if re.fullmatch(r'sqlite:///\S+', url):
        return ''
    if re.match(r'postgres(ql)?\+\w*://', url):
        return 'must begin with postgresql:// and must not name a driver'
    if not re.match(r'postgres(ql)?://', url):
        return 'must begin with sqlite:/// or postgresql://'
    return '' if SERVER.fullmatch(url) and not BROKEN_ESCAPE.search(url) else SHAPE


def normalised(url: str) -> str:
    """Return the URL with ``postgresql`` in place of ``postgres``, and the path of a file absolute."""
    file = url.removeprefix(FILE)
    if file != url and not file.startswith((':', 'file:')):  # in memory, or a URI of SQLite's own
        return f'{FILE}{HOME / file}'
    return re.sub('^postgres://', 'postgresql://', url)
