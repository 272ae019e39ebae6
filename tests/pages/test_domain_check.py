"""A DOMAIN that was left at localhost is noticed by the first request from the internet."""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from ui.middleware.domain_check import DomainCheckMiddleware


@pytest.mark.parametrize(
    ('domain', 'hosts', 'lines'),
    [
        ('http://localhost:3000', ['coach.example', 'coach.example', '203.0.113.9', '8.8.8.8'], 1),
        ('http://localhost:3000', ['localhost:3000', '127.0.0.1', '192.168.1.5:3000', 'shop', ''], 0),
        ('https://coach.example', ['another.example'], 0),
    ],
)
async def test_it_is_said_once(
    domain: str, hosts: list[str], lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Names of this machine and of a private network say nothing, and every request is answered."""
    app = DomainCheckMiddleware(PlainTextResponse('ok'), domain=domain)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        for host in hosts:
            assert (await client.get('http://shop/', headers={'Host': host})).text == 'ok'
    said = [record.getMessage() for record in caplog.records if 'DOMAIN' in record.getMessage()]
    assert len(said) == lines
    assert all('coach.example' in line and domain in line for line in said)
