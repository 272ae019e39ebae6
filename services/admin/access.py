"""Access to the admin: the password, and the sign-ins that follow from it."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from services.errors import WrongPassword, reported
from services.ledger import AdminLine, Ledger, SignIn
from services.ledger.sign_ins import ABSOLUTE
from services.rate_limit import RateLimit

LIFETIME = ABSOLUTE
TRIES = {'per_client': '10/15minutes', 'per_network': '20/15minutes', 'overall': '60/15minutes'}
"""How often the password may be typed, right or wrong.

Addresses where somebody is signed in have limits of their own, which all others cannot use up. Together that
is at most five million tries a year.
"""


@dataclass(frozen=True)
class SignedIn:
    """The sign-in behind a request; pages keep it, and ask it again before each later event.

    Attributes:
        id: its id in the ledger.
        client_ip: where the password was typed.
        since: when that was.
        form_token: stands in every form that this sign-in may send.
        still_valid: asks the ledger whether it has ended meanwhile.
    """

    id: str = field(repr=False)
    client_ip: str
    since: datetime
    form_token: str = field(repr=False)
    still_valid: Callable[[], Awaitable[bool]] = field(repr=False)

    @property
    def actor(self) -> str:
        """Its name in the journals."""
        return actor_at(self.client_ip)

    def sent(self, form_token: str) -> bool:
        """Whether a form with this token is one of this sign-in."""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())


class Access:
    """Decides who may use the admin."""

    def __init__(self, ledger: Ledger, *, password: str, on_refused: Callable[[], object]) -> None:
        """Make it.

        Args:
            ledger: where sign-ins are kept.
            password: what the operator must type; not empty.
            on_refused: called for each try above the limits.
        """
        self._ledger = ledger
        self._password = hashlib.sha256(password.encode()).digest()
        limits = TRIES | {'known': TRIES['overall']}
        self._rate_limit = RateLimit(**limits, on_refused=on_refused)
        self._known_rate_limit = RateLimit(**limits, on_refused=on_refused)

    async def sign_in(self, password: str, *, client_ip: str) -> str:
        """Sign somebody in; returns the value for the cookie.

        Args:
            password: what was typed.
            client_ip: the client's IP address as a trusted proxy reports it.

        Raises:
            TooManyRequests: even if the password is right.
            WrongPassword: it is not.
        """
        with reported('signing in to the admin'):
            known = await self._ledger.sign_ins.is_known(client_ip)
            await (self._known_rate_limit if known else self._rate_limit).admit(client_ip)
            # Hashes are equally long: the comparison takes as long for every text.
            typed = hashlib.sha256(password.encode()).digest()
            if not hmac.compare_digest(typed, self._password):
                await self._ledger.admin_journal.add('a wrong password was typed', actor=actor_at(client_ip))
                raise WrongPassword(f'from {client_ip or "an unknown address"}')
            token = secrets.token_urlsafe(32)
            await self._ledger.sign_ins.add(
                self._id_of(token), client_ip=client_ip, actor=actor_at(client_ip)
            )
            return token

    async def find(self, token: str) -> SignedIn | None:
        """Return the sign-in whose cookie holds a value; None when it has ended, or never was."""
        if not token:
            return None
        sign_ins = self._ledger.sign_ins
        sign_in = await sign_ins.find(self._id_of(token))
        if sign_in is None:
            return None
        await sign_ins.seen(sign_in)

        async def still_valid() -> bool:
            return await sign_ins.find(sign_in.id) is not None

        return SignedIn(sign_in.id, sign_in.client_ip, sign_in.created_at, _form_token(token), still_valid)

    async def sign_ins(self) -> tuple[SignIn, ...]:
        """Return the sign-ins that have not ended, in all browsers, newest first."""
        return await self._ledger.sign_ins.all()

    async def journal(self, *, limit: int) -> tuple[AdminLine, ...]:
        """Return the last lines of the admin journal, newest first."""
        return await self._ledger.admin_journal.newest(limit=limit)

    async def sign_out(self, signed_in: SignedIn) -> None:
        """End a sign-in."""
        await self._ledger.sign_ins.end(signed_in.id, actor=signed_in.actor)

    async def sign_out_everywhere(self, signed_in: SignedIn) -> None:
        """End every sign-in, this one too."""
        await self._ledger.sign_ins.end_all(actor=signed_in.actor)

    def _id_of(self, token: str) -> str:
        """Hash a cookie's value together with the password: another password knows none of its sign-ins."""
        return hmac.new(self._password, token.encode(), hashlib.sha256).hexdigest()


def access_with(password: str, ledger: Ledger, *, on_refused: Callable[[], object]) -> Access | None:
    """Make the access of a shop; without a password there is no admin.

    Args:
        password: the setting.
        ledger: where sign-ins are kept.
        on_refused: called for each try above the limits.
    """
    return Access(ledger, password=password, on_refused=on_refused) if password else None


def actor_at(client_ip: str) -> str:
    """Name the person at an IP address, as the journals do."""
    return f'admin ({client_ip})' if client_ip else 'admin'


def _form_token(token: str) -> str:
    return hmac.new(token.encode(), b'form', hashlib.sha256).hexdigest()
