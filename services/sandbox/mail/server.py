"""The SMTP server: a real listener on a port of its own, whose answers follow the fault rules."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.sandbox.faults.rules import Rule
from services.sandbox.state import SandboxState

NAME = 'sandbox.test'


class SmtpListener:
    """Opens and closes the port, as the mailbox says."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._server: asyncio.Server | None = None
        self._is_opening = False  # two requests may come at once

    async def update(self) -> None:
        """Listen unless the mailbox is down or there is no port."""
        state, port = self._state, self._state.config.smtp_port
        if port is None:
            return
        if self._server is not None and self._server.get_loop() is not asyncio.get_running_loop():
            self._server = None
        if state.mailbox.down and self._server is not None:
            self._server.close()
            self._server = None
        elif not state.mailbox.down and self._server is None and not self._is_opening:
            self._is_opening = True
            try:
                self._server = await asyncio.get_running_loop().create_server(
                    lambda: SMTP(_Connection(state), hostname=NAME, enable_SMTPUTF8=False),
                    state.config.smtp_host,
                    port,
                    reuse_address=True,
                )
            finally:
                self._is_opening = False


class _Connection:
    """Answers one client; one rule decides about one mail."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._rule: Rule | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT: `fail` refuses the recipient."""
        self._rule = self._state.faults.take(f'mail {address}')
        if self._rule is not None and self._rule.do == 'fail':
            return f'{self._rule.status} {self._rule.message or "Recipient refused by the sandbox"}'
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Answer the mail; `reject` refuses it, `reset` and `lose` drop the connection instead."""
        rule, state = self._rule, self._state
        do = rule.do if rule else ''
        if rule and do == 'delay':
            await asyncio.sleep(rule.seconds)
        if rule and do == 'reject':
            return f'{rule.status} {rule.message or "Message refused by the sandbox"}'
        if do != 'reset':
            content: Any = envelope.original_content
            for recipient in envelope.rcpt_tos:
                state.mailbox.add(state.now(), envelope.mail_from or '', recipient, bytes(content))
        if do in ('reset', 'lose'):
            transport: Any = server.transport
            transport.abort()
        return f'250 2.0.0 queued as {state.mailbox.count}'
