"""How often Calendly may be asked: fifty calls in any minute, fewer if its answers say so."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import CalendarBusy
from services.scheduling.budget import CALLS, LEAST_RESERVE, MINUTE, OTHERS, CallBudget


class Clock:
    """Seconds that pass when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the budget's waiting moves forward."""
    clock = Clock()
    # Only there: in this process the sandbox sleeps too.
    monkeypatch.setattr('services.scheduling.budget.asyncio', SimpleNamespace(sleep=clock.sleep))
    return clock


@pytest.fixture
def budget(clock: Clock) -> CallBudget:
    """An unused budget."""
    return CallBudget(clock)


def answer(status: int = 200, **headers: str) -> httpx.Response:
    """Return an answer of Calendly, such as ``answer(remaining='3', reset='20')``."""
    return httpx.Response(
        status, headers={f'X-RateLimit-{name.title()}': value for name, value in headers.items()}
    )


async def call(budget: CallBudget, said: httpx.Response | None = None, *, patient: bool = False) -> None:
    """Make one call."""
    await budget.take(patient=patient)
    budget.end(said, patient=patient)


async def test_fifty_calls_a_minute_and_then_customers_are_told(budget: CallBudget, clock: Clock) -> None:
    """The 51st fails at once, and works when the first one is a minute old."""
    for _ in range(CALLS):
        await call(budget)
    with pytest.raises(CalendarBusy, match='its limit is reached'):
        await budget.take()
    clock.now += MINUTE
    await call(budget)


async def test_the_reader_waits_and_leaves_room_for_customers(budget: CallBudget, clock: Clock) -> None:
    """It gets what the reserve leaves, then waits for its turn; a customer still has one."""
    begun = clock.now
    for _ in range(OTHERS):
        await call(budget, patient=True)
    assert clock.now == begun
    await call(budget)
    await call(budget, patient=True)
    assert clock.now >= begun + MINUTE


async def test_what_customers_used_of_their_reserve_is_not_kept_twice(
    budget: CallBudget, clock: Clock
) -> None:
    """After many links the reader goes on, and a few calls are left for the next customers."""
    begun = clock.now
    for _ in range(20):
        await call(budget)
    for _ in range(CALLS - 20 - LEAST_RESERVE):
        await call(budget, patient=True)
    assert clock.now == begun
    assert budget.seconds_until_free(patient=True) == MINUTE
    assert budget.seconds_until_free(patient=False) == 0


async def test_a_call_on_its_way_counts_until_a_minute_after_its_answer(
    budget: CallBudget, clock: Clock
) -> None:
    """Calendly may receive it at any time before."""
    for _ in range(CALLS):
        await budget.take()
    clock.now += MINUTE + 5
    assert budget.seconds_until_free(patient=False) > 0
    for _ in range(CALLS):
        budget.end(None)
    assert budget.seconds_until_free(patient=False) == MINUTE


async def test_calls_of_others_with_the_same_token_are_heeded(budget: CallBudget, clock: Clock) -> None:
    """Calendly says how many calls remain for all of them, and for how long."""
    await call(budget, answer(remaining='15', reset='20'), patient=True)
    assert budget.seconds_until_free(patient=True) == 20
    for _ in range(15):
        await call(budget)
    with pytest.raises(CalendarBusy):
        await budget.take()
    clock.now += 20
    await call(budget, answer(remaining='0', reset='0'))
    assert budget.seconds_until_free(patient=False) == 0


async def test_a_paid_plan_gives_customers_more_and_the_reader_no_more(
    budget: CallBudget, clock: Clock
) -> None:
    """Calendly announces the limit of the plan; a smaller one holds for both."""
    for _ in range(CALLS + 20):
        await call(budget, answer(limit='500', remaining='400', reset='60'))
    assert budget.seconds_until_free(patient=False) == 0
    for _ in range(OTHERS):
        await call(budget, patient=True)
    assert budget.seconds_until_free(patient=True) == MINUTE
    clock.now += MINUTE
    for _ in range(20):
        await call(budget, answer(limit='20', remaining='10', reset='0'))
    assert budget.seconds_until_free(patient=False) == MINUTE


@pytest.mark.parametrize(
    ('said', 'pause'),
    [
        (answer(429, remaining='0', reset='37'), 37),
        (httpx.Response(429, headers={'Retry-After': '5'}), 5),
        (httpx.Response(429), 10),
        (answer(429, reset='soon'), 10),
        (answer(429, reset='1790000000'), 300),
    ],
)
async def test_too_many_requests_are_a_pause(
    budget: CallBudget, clock: Clock, said: httpx.Response, pause: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Until the reset nobody asks: customers fail at once, the reader waits. The log says it once."""
    await call(budget, said)
    for _ in range(2):
        with pytest.raises(CalendarBusy):
            await budget.take()
    assert len(caplog.records) == 1
    begun = clock.now
    await call(budget, patient=True)
    assert clock.now == begun + pause


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3), st.floats(0, 3)), min_size=60, max_size=200))
def test_calendly_never_receives_more_in_any_minute(calls: list[tuple[bool, float, float]]) -> None:
    """Whatever the pauses between the calls, and wherever between start and answer Calendly counts them."""
    clock = Clock()
    budget = CallBudget(clock)
    received: list[float] = []
    for patient, pause, takes in calls:
        clock.now += pause / 10
        if wait := budget.seconds_until_free(patient=patient):
            if not patient:
                continue
            while wait:
                clock.now += wait
                wait = budget.seconds_until_free(patient=patient)
        asyncio.run(budget.take(patient=patient))
        received.append(clock.now + takes / 2)
        clock.now += takes
        budget.end(None, patient=patient)
    for time in received:
        assert sum(time <= other < time + MINUTE for other in received) <= CALLS
