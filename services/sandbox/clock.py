"""Work that is due at a time of the sandbox's clock: expired sessions, slow bank payments and refunds."""

import asyncio

from services.sandbox.state import SandboxState
from services.sandbox.stripe import checkout, payments, refunds


def run_due(state: SandboxState) -> None:
    """Do everything that is due now."""
    checkout.expire_due(state)
    payments.settle_due(state)
    refunds.change_due(state)


class Ticker:
    """Run due work at an interval, in a task of the current event loop."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task unless it runs in this event loop already."""
        task = self._task
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self.state.config.clock_interval)
            run_due(self.state)
