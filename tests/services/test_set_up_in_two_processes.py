"""Two set-ups of one shop: one process at a time takes the steps."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from services.commands.refused import CommandRefused
from services.set_up import Elsewhere, Refused, Step, Written, hold, opened
from tests.sandbox_client import SandboxClient
from tests.services.set_up import (
    TAKE,
    Operator,
    answers,
    endpoints,
    set_up,
    subscriptions,
)


@pytest.mark.parametrize('new_database', ['sqlite', 'postgresql'], indirect=True)
async def test_one_process_sets_up_at_a_time(environ: dict[str, str], sandbox: SandboxClient) -> None:
    """The other one goes on only after somebody wants it, with all answers, and never while it is working."""
    nothing = Path(os.devnull)
    async with opened(environ, nothing) as one, opened(environ, nothing) as other:
        other.answers.hold.place = 'elsewhere'
        await one.answers.take()
        for step in list(TAKE)[:-1]:
            await TAKE[step](one, sandbox)
        with pytest.raises(Elsewhere, match=f'under way in the process {os.getpid()}'):
            await other.answers.take()
        async with one.answers.hold.working():
            with pytest.raises(Elsewhere, match='just now; try again') as refused:
                await other.answers.take(over=True)
        assert (refused.value.is_working, other.answers.draft) == (True, {})
        await other.answers.take(over=True)
        assert other.answers.draft == one.answers.draft
        agreed = (await one.preview()).deletes
        first, second = await asyncio.gather(one.write(agreed), other.write(agreed), return_exceptions=True)
        assert (type(first), type(second)) == (Elsewhere, Written)
        with pytest.raises(Elsewhere):
            await one.payments.make_price('x', '80', 'usd', attempt='1')
        with pytest.raises(Elsewhere):
            await one.calendar.make_event_type('x')
        with pytest.raises(Elsewhere):
            await one.undo()
    assert (len(endpoints(sandbox)), len(subscriptions(sandbox))) == (1, 1)
    assert sandbox.requests('POST /v1/prices') == sandbox.requests('POST /event_types') == []


async def test_a_set_up_that_rests_or_ended_is_no_obstacle(
    environ: dict[str, str], sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some minutes nobody is asked, and what was answered meanwhile is read; a patch shortens them."""
    nothing = Path(os.devnull)
    async with opened(environ, nothing) as one:
        async with opened(environ, nothing) as other:
            other.answers.hold.place = 'elsewhere'
            await other.answers.take()
        with monkeypatch.context() as patch:
            patch.setattr(hold, 'IDLE', timedelta(0))
            await one.answers.take()
            await TAKE[Step.KEYS](one, sandbox)
        async with opened(environ, nothing) as other:
            other.answers.hold.place = 'elsewhere'
            await other.answers.take()
            await TAKE[Step.PRICE](other, sandbox)
        await one.answers.take()
        assert one.answers.step is Step.CALENDAR


async def test_the_terminal_asks_before_it_goes_on_for_another_process(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """After a "no" nothing was tried; after a "yes" the other one has it no longer."""
    async with opened(environ, env_file) as pages:
        pages.answers.hold.place = 'port 3000 of shop'
        await pages.answers.take()
        operator = Operator(answers(sandbox), refuses='Another set-up')
        with pytest.raises(CommandRefused, match='under way in port 3000 of shop'):
            await asyncio.to_thread(set_up, environ, env_file, operator)
        assert sandbox.requests() == []
        await asyncio.to_thread(set_up, environ, env_file, Operator(answers(sandbox)))
        with pytest.raises(Refused):
            await pages.write()
    assert len(endpoints(sandbox)) == 1
