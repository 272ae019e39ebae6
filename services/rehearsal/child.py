"""A rehearsal in a process of its own: it must neither slow nor stop the shop that runs here."""

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass

from services.logs import mask_secrets
from services.rehearsal.hops import LONGEST_REASON, Hop, has_failed
from services.rehearsal.report import from_json
from services.settings import HOME

LONGEST = 180.0  # seconds
TERMINATION_TIMEOUT = 8.0  # seconds in which a rehearsal that is stopped closes what it has made
NICENESS = 10
STOPPED = 'it was stopped before its end'


@dataclass(frozen=True)
class Report:
    """The hops of a rehearsal, and why there are none, or not all; '' otherwise."""

    hops: tuple[Hop, ...]
    problem: str = ''


async def rehearse(*, with_test_keys: bool, longest: float = LONGEST) -> Report:
    """Run ``main.py rehearse``; it is stopped when this is canceled, or takes too long.

    Args:
        with_test_keys: also at Stripe's test mode and the operator's Calendly.
        longest: how many seconds it may take.
    """
    options = ['--json', *(['--with-test-keys'] if with_test_keys else [])]
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HOME / 'main.py'),
        'rehearse',
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    with suppress(OSError):  # it may have ended
        os.setpriority(os.PRIO_PROCESS, child.pid, NICENESS)
    reading = asyncio.create_task(child.communicate())
    try:
        output, _ = await asyncio.wait_for(asyncio.shield(reading), longest)
    except TimeoutError:
        output = await _stop(child, reading)
        return Report(_hops_in(output), f'it was stopped after {longest:g} seconds')
    except asyncio.CancelledError:
        await _stop(child, reading)
        raise
    hops = _hops_in(output)
    if not hops:
        return Report(hops, _last_words(output))
    was_stopped = child.returncode and not has_failed(hops)  # by somebody else, in its middle
    return Report(hops, STOPPED if was_stopped else '')


async def _stop(child: asyncio.subprocess.Process, reading: asyncio.Task[tuple[bytes, bytes]]) -> bytes:
    """Stop the process, first gently, so that it closes what it has made; returns what it has printed."""
    with suppress(ProcessLookupError):
        child.terminate()
    done, _ = await asyncio.wait({reading}, timeout=TERMINATION_TIMEOUT)
    if not done:
        with suppress(ProcessLookupError):
            child.kill()
    return (await reading)[0]


def _hops_in(output: bytes) -> tuple[Hop, ...]:
    """Return the hops of the last line that holds any."""
    for line in reversed(output.decode(errors='replace').splitlines()):
        with suppress(ValueError, LookupError, TypeError):
            return from_json(json.dumps(json.loads(line)['hops']))
    return ()


def _last_words(output: bytes) -> str:
    words = ' '.join(output.decode(errors='replace').split())
    return mask_secrets(words)[-LONGEST_REASON:] or 'it ended without a word'
