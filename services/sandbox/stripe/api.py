"""Requests to Stripe's API: keys and permissions, idempotency, error envelopes and headers."""

import base64
import binascii
import hashlib
import json
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox import forms
from services.sandbox.faults.middleware import delay, fault
from services.sandbox.state import IdempotencyRecord, SandboxState, new_id, state_of
from services.sandbox.stripe.endpoints import ENDPOINTS, Endpoint
from services.sandbox.stripe.errors import FAILURES, StripeError
from services.sandbox.stripe.expand import expand, permissions_of
from services.sandbox.stripe.form_encoding import decode
from services.sandbox.stripe.validators import validate
from services.sandbox.types import Json

NO_KEY = (
    'You did not provide an API key. You need to provide your API key in the Authorization header, using '
    "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
    'https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.'
)
KEY_MISMATCH = (
    'Keys for idempotent requests can only be used with the same parameters they were first used with. Try '
    "using a key other than '{}' if you meant to execute a different request."
)
KEY_IN_USE = (
    'There is currently another in-progress request using this Idempotent Key (that probably means you '
    'submitted twice, and the other request is still going through): {}. Please try again later.'
)


def mask(key: str) -> str:
    """Mask a key as Stripe's errors do: its prefix, stars, and the last four characters."""
    head = '_'.join(key.split('_')[:2]) + '_' if key.count('_') > 1 else key[:3]
    return f'{head}{"*" * max(0, len(key) - len(head) - 4)}{key[-4:]}'


def key_of(request: Request) -> str:
    """Return the API key of a request, from Bearer or Basic authorization, or an empty string."""
    scheme, _, value = request.headers.get('authorization', '').partition(' ')
    if scheme.lower() == 'bearer':
        return value.strip()
    if scheme.lower() != 'basic':
        return ''
    try:
        return base64.b64decode(value).decode().partition(':')[0]
    except (binascii.Error, UnicodeDecodeError):
        return ''


def check_key(state: SandboxState, key: str) -> None:
    """Raise unless the key is valid (https://docs.stripe.com/api/authentication)."""
    if not key:
        raise StripeError(NO_KEY, status=401)
    if state.key_revoked:
        raise StripeError(f'Expired API Key provided: {mask(key)}', status=401, code='api_key_expired')
    if key == state.config.publishable_key:
        message = (
            'This API call cannot be made with a publishable API key. Please use a secret API key. You can '
            'find a list of your API keys at https://dashboard.stripe.com/account/apikeys.'
        )
        raise StripeError(message, status=403, code='secret_key_required')
    if key not in (state.config.secret_key, state.config.restricted_key):
        raise StripeError(f'Invalid API Key provided: {mask(key)}', status=401)


def check_permission(state: SandboxState, key: str, permission: str) -> None:
    """Raise if a restricted key lacks a permission."""
    if key != state.config.restricted_key or permission not in state.missing_permissions:
        return
    name = ' '.join(part.capitalize() for part in permission.replace('plan', 'prices').split('_'))
    message = (
        f"The provided key '{mask(key)}' does not have the required permissions for this endpoint on "
        f"account '{state.config.account}'. Enabling \"{name}\" ('{permission}') permissions on this key "
        'would allow this request to continue.'
    )
    raise StripeError(message, status=403)


async def handle(request: Request) -> Response:
    """Handle one API request."""
    state = state_of(request)
    body = (await request.body()).decode(errors='replace')
    request_id = new_id('req_', 14)
    path = request.url.path.removeprefix(request.scope.get('root_path', ''))
    try:
        check_key(state, key_of(request))
        endpoint, object_id = _find_endpoint(request.method, path)
        items = forms.pairs(body if request.method == 'POST' else request.url.query)
        check_permission(state, key_of(request), endpoint.permission)
        return await Call(state, request, endpoint, object_id, items, request_id).handle()
    except StripeError as error:
        return respond(state, request, envelope(error, request_id), error.status, request_id)


def _find_endpoint(method: str, path: str) -> tuple[Endpoint, str]:
    for endpoint in ENDPOINTS:
        object_id = endpoint.match(method, path)
        if object_id is not None:
            return endpoint, object_id
    message = (
        f'Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at '
        'https://support.stripe.com/.'
    )
    raise StripeError(message, status=404)


def envelope(error: StripeError, request_id: str) -> bytes:
    """Return an error as Stripe's JSON (https://docs.stripe.com/api/errors)."""
    log = f'https://dashboard.stripe.com/test/logs/{request_id}'
    return to_json({'error': error.error | {'request_log_url': log}})


def to_json(item: Json) -> bytes:
    """Return an object as indented JSON, as Stripe sends it."""
    return json.dumps(item).encode()


def respond(state: SandboxState, request: Request, body: bytes, status: int, request_id: str) -> Response:
    """Return a response with Stripe's headers."""
    headers = {
        'Date': format_datetime(state.now(), usegmt=True),
        'Request-Id': request_id, 'Cache-Control': 'no-cache, no-store',
        'Stripe-Version': request.headers.get('stripe-version', state.config.api_version),
    }  # fmt: skip
    name = request.headers.get('idempotency-key')
    if name and request.method == 'POST':
        headers |= {'Idempotency-Key': name, 'Original-Request': request_id}
    return Response(body, status, headers, media_type='application/json')


class Call:
    """One authorized request to an endpoint."""

    def __init__(
        self, state: SandboxState, request: Request, endpoint: Endpoint, object_id: str,
        items: list[tuple[str, str]], request_id: str,
    ) -> None:  # fmt: skip
        self.state, self.request, self.endpoint, self.object_id = state, request, endpoint, object_id
        self.items, self.request_id = items, request_id

    async def handle(self) -> Response:
        """Do the work, or repeat the stored response of the idempotency key."""
        name = self.request.headers.get('idempotency-key')
        if not name or self.request.method != 'POST':
            return self._respond(*await self._work())
        record = self._get_record(name)
        if record.body is not None:
            return self._replay(record)
        try:
            body, status = await self._work()
        except BaseException:
            self.state.idempotency.pop(name, None)
            raise
        self._store(name, record, body, status)
        return self._respond(body, status)

    def _get_record(self, name: str) -> IdempotencyRecord:
        """Find or create the record of an idempotency key (https://docs.stripe.com/api/idempotent_requests)."""
        if len(name) > 255:
            raise StripeError('Idempotency keys can be up to 255 characters.', kind='idempotency_error')
        self._delete_old_records()
        record = self.state.idempotency.get(name)
        fingerprint = self._fingerprint()
        if record is None:
            record = IdempotencyRecord(fingerprint, self.state.now().timestamp() + 86400)
            self.state.idempotency[name] = record
            return record
        if record.fingerprint != fingerprint:
            raise StripeError(KEY_MISMATCH.format(name), kind='idempotency_error')
        if record.body is None:
            raise StripeError(
                KEY_IN_USE.format(name), status=409, kind='idempotency_error', code='idempotency_key_in_use'
            )
        return record

    def _delete_old_records(self) -> None:
        records, now = self.state.idempotency, self.state.now().timestamp()
        for name in list(records)[: max(0, len(records) - self.state.config.max_closed)]:
            del records[name]
        while records and records[next(iter(records))].expires_at < now:
            del records[next(iter(records))]

    def _fingerprint(self) -> str:
        text = json.dumps([self.endpoint.path, self.object_id, sorted(self.items)])
        return hashlib.sha256(text.encode()).hexdigest()

    def _store(self, name: str, record: IdempotencyRecord, body: bytes, status: int) -> None:
        """Store results and server errors, but not requests that were rejected before any work."""
        if 400 <= status < 500 and status != 402:
            self.state.idempotency.pop(name, None)
            return
        record.body, record.status, record.request_id = body, status, self.request_id

    def _replay(self, record: IdempotencyRecord) -> Response:
        response = self._respond(record.body or b'', record.status)
        response.headers['Idempotent-Replayed'] = 'true'
        response.headers['Original-Request'] = record.request_id
        return response

    def _respond(self, body: bytes, status: int) -> Response:
        response = respond(self.state, self.request, body, status, self.request_id)
        rule = fault(self.request, 'fail')
        if rule and rule.retry_after is not None:
            response.headers['Retry-After'] = str(rule.retry_after)
        return response

    async def _work(self) -> tuple[bytes, int]:
        await delay(self.request)
        try:
            self._raise_fault()
            params = validate(decode(self.items), self.endpoint.params, self.endpoint.required)
            paths = params.pop('expand', [])
            # Each expanded object needs its own permission; without it the whole request is refused.
            for permission in permissions_of(paths):
                check_permission(self.state, key_of(self.request), permission)
            item = self.endpoint.handler(self.state, self.object_id, params)
            return to_json(expand(self.state, item, paths)), 200
        except StripeError as error:
            return envelope(error, self.request_id), error.status

    def _raise_fault(self) -> None:
        """Raise the error of a fault rule, if one matched."""
        rule = fault(self.request, 'fail')
        if rule is None:
            return
        kind, code, message = FAILURES.get(rule.status, FAILURES[500])
        raise StripeError(rule.message or message, status=rule.status, kind=kind, code=rule.code or code)


METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
ROUTES = [Route(f'/{version}/{{path:path}}', handle, methods=METHODS) for version in ('v1', 'v2')]
