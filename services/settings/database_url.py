"""Which addresses of a database are taken, and what is wrong with another, in words without its password."""

import re

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


def problem_of(address: str) -> str:
    """Say what is wrong with an address, '' when it can be tried.

    Args:
        address: a file (``sqlite:///path``), a server (``postgresql://…``, or ``postgres://…`` as hosts of
            databases write it), or '' for the default.
    """
    if not address or re.fullmatch(r'sqlite:///\S+', address):
        return ''
    if re.match(r'postgres(ql)?\+\w*://', address):
        return 'must begin with postgresql:// and name no driver: it is always the same'
    if not re.match(r'postgres(ql)?://', address):
        return 'must begin with sqlite:/// or postgresql://'
    return '' if SERVER.fullmatch(address) and not BROKEN_ESCAPE.search(address) else SHAPE


def normal(address: str) -> str:
    """Write the address of a server the one way."""
    return re.sub('^postgres://', 'postgresql://', address)
