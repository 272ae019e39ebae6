"""A command that is stopped by SIGTERM closes what it has opened."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from services.commands.stoppable import run_stoppable


@pytest.fixture(autouse=True)
def handler() -> Iterator[signal.Handlers]:
    """Set another handler of SIGTERM, so that the signal could not end the tests."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield signal.SIG_IGN
    signal.signal(signal.SIGTERM, before)


def test_sigterm_stops_it_gently(handler: signal.Handlers) -> None:
    """It is canceled, may still wait for others while it closes, and the handler is as before."""
    closed: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            closed.append('closed')

    with pytest.raises(KeyboardInterrupt):
        run_stoppable(work())
    assert closed == ['closed']
    assert signal.getsignal(signal.SIGTERM) is handler


def test_what_is_not_stopped_gives_its_result() -> None:
    """Also in a thread, where no signal comes."""

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    async def in_thread() -> int:
        return await asyncio.to_thread(lambda: run_stoppable(work()))

    assert (run_stoppable(work()), asyncio.run(in_thread())) == (7, 7)
