"""The Stripe sandbox's front door: keys, rights, idempotency keys, envelopes and headers."""

import base64
import binascii
import hashlib
import json

from starlette.requests import Request
from starlette.responses import Response

from services.sandbox import forms
from services.sandbox.faults.middleware import fault, pause
from services.sandbox.problems import STRIPE_FAILURES, Json, StripeProblem
from services.sandbox.state import IdempotencyRecord, SandboxState, new_id
from services.sandbox.stripe import shapes
from services.sandbox.stripe.expand import expanded
from services.sandbox.stripe.routes import ENDPOINTS, Endpoint

NO_KEY = (
    'You did not provide an API key. You need to provide your API key in the Authorization header, using '
    "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
    'https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.'
)


def masked(key: str) -> str:
    """A key as Stripe repeats it in its errors: its kind, stars, and the last four characters."""
    head = '_'.join(key.split('_')[:2]) + '_' if key.count('_') > 1 else key[:3]
    return f'{head}{"*" * max(0, len(key) - len(head) - 4)}{key[-4:]}'


def key_of(request: Request) -> str:
    """The API key of a request, by Bearer or Basic authorization; empty without one."""
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
    """Refuse requests without a valid key (https://docs.stripe.com/api/authentication)."""
    if not key:
        raise StripeProblem(NO_KEY, status=401)
    if state.revoked:
        raise StripeProblem(f'Expired API Key provided: {masked(key)}', status=401, code='api_key_expired')
    if key == state.config.publishable_key:
        words = (
            'This API call cannot be made with a publishable API key. Please use a secret API key. You can '
            'find a list of your API keys at https://dashboard.stripe.com/account/apikeys.'
        )
        raise StripeProblem(words, status=403, code='secret_key_required')
    if key not in (state.config.secret_key, state.config.restricted_key):
        raise StripeProblem(f'Invalid API Key provided: {masked(key)}', status=401)


def check_right(state: SandboxState, key: str, right: str) -> None:
    """Refuse a restricted key that lacks a right."""
    held = right not in state.missing_rights
    if key != state.config.restricted_key or held:
        return
    name = ' '.join(part.capitalize() for part in right.replace('plan', 'prices').split('_'))
    words = (
        f"The provided key '{masked(key)}' does not have the required permissions for this endpoint on "
        f"account '{state.config.account}'. Enabling \"{name}\" ('{right}') permissions on this key "
        'would allow this request to continue.'
    )
    raise StripeProblem(words, status=403)


async def answer(request: Request) -> Response:
    """Answer one API request."""
    state: SandboxState = request.app.state.sandbox
    body = (await request.body()).decode(errors='replace')
    request_id = new_id('req_', 14)
    path = '/v1/' + request.path_params['path']
    try:
        check_key(state, key_of(request))
        endpoint, key = _endpoint(request.method, path)
        items = forms.pairs(body if request.method == 'POST' else request.url.query)
        check_right(state, key_of(request), endpoint.right)
        call = Call(state, request, endpoint, key, items, request_id)
        return await call.answer()
    except StripeProblem as problem:
        return respond(state, request, refusal(problem, request_id), problem.status, request_id)


def _endpoint(method: str, path: str) -> tuple[Endpoint, str]:
    for endpoint in ENDPOINTS:
        key = endpoint.match(method, path)
        if key is not None:
            return endpoint, key
    words = (
        f'Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at '
        'https://support.stripe.com/.'
    )
    raise StripeProblem(words, status=404)


def refusal(problem: StripeProblem, request_id: str) -> bytes:
    """Stripe's error envelope (https://docs.stripe.com/api/errors)."""
    log = f'https://dashboard.stripe.com/test/logs/{request_id}'
    return written({'error': problem.error | {'request_log_url': log}})


def written(thing: Json) -> bytes:
    """JSON as bytes."""
    return json.dumps(thing, indent=2).encode()


def respond(state: SandboxState, request: Request, body: bytes, status: int, request_id: str) -> Response:
    """An answer with Stripe's headers."""
    headers = {
        'Request-Id': request_id, 'Cache-Control': 'no-cache, no-store',
        'Stripe-Version': request.headers.get('stripe-version', state.config.api_version),
    }  # fmt: skip
    name = request.headers.get('idempotency-key')
    if name and request.method == 'POST':
        headers |= {'Idempotency-Key': name, 'Original-Request': request_id}
    return Response(body, status, headers, media_type='application/json')


class Call:
    """One authorised request to one endpoint."""

    def __init__(
        self, state: SandboxState, request: Request, endpoint: Endpoint, key: str,
        items: list[tuple[str, str]], request_id: str,
    ) -> None:  # fmt: skip
        self.state, self.request, self.endpoint, self.key = state, request, endpoint, key
        self.items, self.request_id = items, request_id

    async def answer(self) -> Response:
        """Work, or repeat what was answered to the same idempotency key before."""
        name = self.request.headers.get('idempotency-key')
        if not name or self.request.method != 'POST':
            return self._respond(*await self._work())
        kept = self._kept(name)
        if kept.body is not None:
            return self._replay(kept)
        try:
            body, status = await self._work()
        except BaseException:
            self.state.kept.pop(name, None)
            raise
        self._keep(name, kept, body, status)
        return self._respond(body, status)

    def _kept(self, name: str) -> IdempotencyRecord:
        """What is known of an idempotency key (https://docs.stripe.com/api/idempotent_requests)."""
        if len(name) > 255:
            raise StripeProblem('Idempotency keys can be up to 255 characters.', kind='idempotency_error')
        self._forget_old()
        known = self.state.kept.get(name)
        mark = self._fingerprint()
        if known is None:
            known = self.state.kept[name] = IdempotencyRecord(mark, self.state.now().timestamp() + 86400)
            return known
        if known.fingerprint != mark:
            raise StripeProblem(MISMATCH.format(name), kind='idempotency_error')
        if known.body is None:
            raise StripeProblem(
                IN_USE.format(name), status=409, kind='idempotency_error', code='idempotency_key_in_use'
            )
        return known

    def _forget_old(self) -> None:
        kept, now = self.state.kept, self.state.now().timestamp()
        for name in list(kept)[: max(0, len(kept) - self.state.config.keep_settled)]:
            del kept[name]
        while kept and kept[next(iter(kept))].until < now:
            del kept[next(iter(kept))]

    def _fingerprint(self) -> str:
        text = json.dumps([self.endpoint.path, self.key, sorted(self.items)])
        return hashlib.sha256(text.encode()).hexdigest()

    def _keep(self, name: str, kept: IdempotencyRecord, body: bytes, status: int) -> None:
        """Results of work are kept, failures of it too; refusals before any work are not."""
        if 400 <= status < 500 and status != 402:
            self.state.kept.pop(name, None)
            return
        kept.body, kept.status, kept.request = body, status, self.request_id

    def _replay(self, kept: IdempotencyRecord) -> Response:
        response = self._respond(kept.body or b'', kept.status)
        response.headers['Idempotent-Replayed'] = 'true'
        response.headers['Original-Request'] = kept.request
        return response

    def _respond(self, body: bytes, status: int) -> Response:
        response = respond(self.state, self.request, body, status, self.request_id)
        rule = fault(self.request, 'fail')
        if rule and rule.retry_after is not None:
            response.headers['Retry-After'] = str(rule.retry_after)
        return response

    async def _work(self) -> tuple[bytes, int]:
        await pause(self.request)
        try:
            self._fail()
            params = shapes.checked(forms.decode(self.items), self.endpoint.params, self.endpoint.required)
            paths = params.pop('expand', [])
            thing = self.endpoint.work(self.state, self.key, params)
            return written(expanded(self.state, thing, paths)), 200
        except StripeProblem as problem:
            return refusal(problem, self.request_id), problem.status

    def _fail(self) -> None:
        """Fail as a fault wishes."""
        rule = fault(self.request, 'fail')
        if rule is None:
            return
        kind, code, words = STRIPE_FAILURES.get(rule.status, STRIPE_FAILURES[500])
        raise StripeProblem(rule.message or words, status=rule.status, kind=kind, code=rule.code or code)


MISMATCH = (
    'Keys for idempotent requests can only be used with the same parameters they were first used with. Try '
    "using a key other than '{}' if you meant to execute a different request."
)
IN_USE = (
    'There is currently another in-progress request using this Idempotent Key (that probably means you '
    'submitted twice, and the other request is still going through): {}. Please try again later.'
)
