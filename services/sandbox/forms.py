"""Form bodies and query strings as pairs of name and value."""

from urllib.parse import parse_qsl

from starlette.requests import Request


def pairs(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a form body or query string, in order."""
    return parse_qsl(text, keep_blank_values=True)


async def form_values(request: Request) -> dict[str, str]:
    """Return the fields of a submitted HTML form."""
    return dict(pairs((await request.body()).decode(errors='replace')))
