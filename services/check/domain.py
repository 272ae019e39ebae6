"""DOMAIN as customers reach it: does this shop answer there, and how does it see customers."""

import asyncio
import ipaddress
import json
import secrets
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from services.check.certificate import causes_of, certificate_of, check_end, problem_of_certificate
from services.check.finding import Finding, ok, warning, wrong
from services.check.proof import NONCE, PROOF, Side, is_proven, prove
from services.check.running_shop import list_refused
from services.settings import Settings
from services.settings.urls import is_public, split

PART = 'domain'
TIMEOUT = httpx.Timeout(8, connect=5)
SOCKET = '/_nicegui_ws/socket.io/?EIO=4&transport=websocket'
HELLO = '0{'  # how engine.io opens a connection (socket.io/docs/v4/engine-io-protocol)
FORGED = '203.0.113.77'
"""An address for documentation (RFC 5737): no customer has it."""
LONGEST = 4096  # bytes that are read of an answer
LONGEST_HEALTH = 65536  # the same for /readyz, whose problems may be long
PLAIN = {'Accept-Encoding': 'identity'}
GATEWAY = (502, 503, 504)
START = 'Start the shop, then check again. If it runs, see that the name leads to this machine (your DNS).'
PUBLIC = 'For customers set DOMAIN to a public address that begins with https://, and restart.'
ELSEWHERE = ' Some networks do not let a machine ask its own public address: open it on another one.'
PROXY = 'See that the proxy in front passes requests on to the port of the shop (README, "Deploy").'
OTHER = (
    'See where the name of DOMAIN leads (your DNS), and where the proxy passes requests on to. After an '
    'update restart the shop.'
)
SOCKETS = (
    'Let the proxy pass on websockets. Caddy does by itself; nginx needs: proxy_http_version 1.1; '
    'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; Cloudflare: Network > '
    'WebSockets. Until then pages use slower requests.'
)
REDIRECT = 'Let the proxy redirect http to https; Caddy does by itself.'
FORWARD = (
    'Let the proxy set X-Forwarded-For and X-Forwarded-Proto. Caddy does by itself; nginx needs: '
    'proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;'
)
OVERWRITE = (
    'Let the proxy overwrite X-Forwarded-For instead of passing it on (nginx: proxy_set_header '
    'X-Forwarded-For $remote_addr;), and let TRUSTED_PROXIES hold nothing but your proxy. Until then anybody '
    'can escape the limits.'
)


async def check_domain(settings: Settings, *, instance: str) -> list[Finding]:
    """Check the shop's address from here, as a customer's browser would ask it.

    Args:
        settings: what the operator decided.
        instance: the id of this shop's database, '' if it is not known.
    """
    secure, about = settings.https, _about(settings)
    async with httpx.AsyncClient(timeout=TIMEOUT, verify=secure, headers=PLAIN) as http:
        found, goes_on = await _reach(settings, http)
        found = [*about, *found]
        if not goes_on:
            return found
        parts = [_identity(settings, http, instance), _websocket(settings)]
        if secure and not _port(settings.domain):
            parts.append(check_redirect(f'http{settings.domain.removeprefix("https")}/robots.txt', http))
        found += [each for part in await asyncio.gather(*parts) for each in part]
        return sorted(found, key=lambda each: each.part != PART)  # those of a part stay together


def _about(settings: Settings) -> list[Finding]:
    """Say what the address alone tells."""
    if not is_public(settings.domain):
        return [ok(PART, f'{settings.domain} is an address of this machine or network alone', PUBLIC)]
    if not settings.https:
        return [warning(PART, f'{settings.domain} is not https: what customers type can be read', PUBLIC)]
    return []


async def _reach(settings: Settings, http: httpx.AsyncClient) -> tuple[list[Finding], bool]:
    """Ask whether a shop answers; return what was found, and whether to go on."""
    url = f'{settings.domain}/healthz'
    try:
        async with http.stream('GET', url) as answer:
            end = check_end(certificate_of(answer), PART, now=datetime.now(UTC))
            body = await read_start(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        problem = problem_of_certificate(error, settings.domain, PART)
        if problem is None:
            text = f'{settings.domain} cannot be reached: {_words(error)}'
            problem = wrong(PART, text, START + (ELSEWHERE if _is_late(error) else ''))
        return [problem], False
    if answer.status_code in GATEWAY:
        text = f'something in front of the shop answers {answer.status_code} at {settings.domain}'
        return [*end, wrong(PART, text, f'{START} {PROXY}')], False
    if answer.is_redirect:
        where = answer.headers.get('location', '')
        text = f'{settings.domain} sends customers on to {where.removesuffix("/healthz")}'
        return [
            *end,
            wrong(PART, text, 'Set DOMAIN to the address that customers end at, and restart.'),
        ], False
    if answer.status_code != httpx.codes.OK or body != b'ok':
        text = f'another server answers at {settings.domain} (status {answer.status_code})'
        return [*end, wrong(PART, text, OTHER)], False
    by = ' by https, with a certificate that browsers accept' if settings.https else ''
    return [ok(PART, f'a shop answers at {settings.domain}{by}'), *end], True


async def _identity(settings: Settings, http: httpx.AsyncClient, instance: str) -> list[Finding]:
    """Ask the shop whether it has this database, and what it sees of a request."""
    if not instance:
        return [warning(PART, 'whether it is this shop is not known: its database cannot be read', OTHER)]
    nonce = secrets.token_urlsafe(24)
    headers = {NONCE: nonce, PROOF: prove(instance, nonce, Side.CHECK), 'X-Forwarded-For': FORGED}
    try:
        async with http.stream('GET', f'{settings.domain}/healthz/seen', headers=headers) as answer:
            seen = _json(await read_start(answer)) if answer.is_success else None
    except httpx.HTTPError as error:
        return [wrong(PART, f'the shop stopped answering: {_words(error)}', START)]
    if not isinstance(seen, dict) or not is_proven(seen.get('proof'), instance, nonce, Side.SHOP):
        return [wrong(PART, f'the shop at {settings.domain} has another database than this one', OTHER)]
    refused = list_refused(settings, await _health(settings, http))
    return [ok(PART, 'it is this shop: it has the same database'), *_seen(settings, seen), *refused]


async def _health(settings: Settings, http: httpx.AsyncClient) -> Mapping[str, Any]:
    """Return what the running shop says of each of its parts, nothing where it cannot be read."""
    try:
        async with http.stream('GET', f'{settings.domain}/readyz') as answer:  # also with status 503
            said = _json(await read_start(answer, limit=LONGEST_HEALTH))
    except httpx.HTTPError:
        return {}
    parts = said.get('parts') if isinstance(said, dict) else None
    return parts if isinstance(parts, dict) else {}


def _seen(settings: Settings, seen: Mapping[str, Any]) -> list[Finding]:
    """Say whether the shop sees scheme and address of its customers; without https there is no proxy."""
    if not settings.https:
        return []
    client, chain = str(seen.get('client_ip')), str(seen.get('forwarded_for')).split(',')
    added = [each for each in map(str.strip, chain) if each not in ('', FORGED)]
    if client == FORGED:
        if added and all(_is_trusted(each, settings) for each in added):
            text = 'whether a forged address is believed cannot be told from this machine: its own is trusted'
            return [ok(PART, text)]
        return [
            wrong(PART, 'a forged X-Forwarded-For is believed: anybody can pretend to be anybody', OVERWRITE)
        ]
    if added and client not in added:
        trust = f'Add {client} to TRUSTED_PROXIES and restart, if that is your proxy.'
        return [wrong(PART, f'the proxy {client} is not believed: all customers look like one', trust)]
    if not added:
        return [wrong(PART, f'the proxy does not say who asks: all customers look like {client}', FORWARD)]
    if seen.get('scheme') != 'https':
        return [wrong(PART, 'the proxy does not say that customers come by https', FORWARD)]
    return [ok(PART, f'the proxy says who asks and that it is by https; this machine is seen as {client}')]


async def _websocket(settings: Settings) -> list[Finding]:
    """Open the connection that keeps pages live."""
    url = f'ws{settings.domain.removeprefix("http")}{SOCKET}'
    try:
        async with (
            connect(url, open_timeout=8, close_timeout=1, max_size=LONGEST) as connection,
            asyncio.timeout(8),
        ):
            hello = str(await connection.recv())
    except InvalidStatus as error:
        text = f'no websocket: the answer is {error.response.status_code} instead of an upgrade'
        return [wrong(PART, text, SOCKETS)]
    except (WebSocketException, OSError, TimeoutError) as error:
        return [wrong(PART, f'no websocket: {_words(error)}', SOCKETS)]
    if not hello.startswith(HELLO):
        return [wrong(PART, 'the websocket does not lead to the shop', SOCKETS)]
    return [ok(PART, 'websockets reach the shop')]


async def check_redirect(url: str, http: httpx.AsyncClient) -> list[Finding]:
    """Check that plain http leads to https.

    Args:
        url: a page of the shop by http.
        http: the client.
    """
    try:
        async with http.stream('GET', url) as answer:
            pass  # only its head is of use
    except httpx.HTTPError:
        text = 'nobody answers http: who types the address without https may see an error'
        return [warning(PART, text, 'Let the proxy answer on port 80 too, and redirect to https.')]
    if answer.is_success:
        text = f'pages are answered by plain http as well (status {answer.status_code})'
        return [wrong(PART, text, REDIRECT)]
    if not answer.has_redirect_location:
        text = f'http is answered with an error (status {answer.status_code}) and does not lead to https'
        return [warning(PART, text, f'Who types the address without https sees that error. {REDIRECT}')]
    if not answer.headers['location'].startswith('https://'):
        return [wrong(PART, 'http leads to another address by http, and not to https', REDIRECT)]
    return [ok(PART, 'http leads to https')]


async def read_start(answer: httpx.Response, *, limit: int = LONGEST) -> bytes:
    """Return the first bytes of an answer, as they were sent; whoever answers may send without an end.

    Args:
        answer: of a stream.
        limit: how many.
    """
    body = b''
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) >= limit:
            break
    return body[:limit]


def _json(body: bytes) -> object:
    """Return what JSON says, None for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _port(domain: str) -> int | None:
    parts = split(domain)
    return parts.port if parts else None


def _is_trusted(address: str, settings: Settings) -> bool:
    networks = [
        ipaddress.ip_network(part.strip()) for part in settings.trusted_proxies.split(',') if part.strip()
    ]
    try:
        return any(ipaddress.ip_address(address) in network for network in networks)
    except ValueError:
        return False


def _is_late(error: BaseException) -> bool:
    """Whether there was no answer in time."""
    return any(isinstance(cause, TimeoutError | httpx.TimeoutException) for cause in causes_of(error))


def _words(error: BaseException) -> str:
    """Say in words why no connection was made."""
    if _is_late(error):
        return 'no answer in time'
    for cause in causes_of(error):
        if isinstance(cause, socket.gaierror):
            return 'the name is not known'
        if isinstance(cause, ConnectionRefusedError):
            return 'nobody listens there'
    return str(error).partition('\n')[0][:200] or type(error).__name__
