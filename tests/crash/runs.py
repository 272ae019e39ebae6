"""Whole runs of the crash test: kills at every kill point of every scenario, and at random under load."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import cycle

from tests.crash.checks import Findings, check_effects, check_mails, check_pages, check_payments
from tests.crash.harness import Harness
from tests.crash.kills import AfterRestart, KillPoint, find_kill_points, kill_once
from tests.crash.random_load import CUSTOMERS, RandomLoad
from tests.crash.scenarios import Context, Scenario


@dataclass
class Row:
    """One row of the report: where the shop was killed, how often, and what was wrong afterwards."""

    scenario: str
    point: str
    kills: int = 0
    findings: Findings = field(default_factory=Findings)

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row."""
        found = self.findings
        counts = (self.kills, len(found.lost), len(found.duplicated), len(found.wrong_pages))
        return (self.scenario, self.point, *map(str, counts))


def kill_at_every_point(
    harness: Harness, scenarios: Iterable[Scenario], *, thorough: bool, on_row: Callable[[Row], object]
) -> list[Row]:
    """Kill a shop at each kill point of each scenario.

    Args:
        harness: starts the shops.
        scenarios: where the kill points are found.
        thorough: whether a kill point that is new gets one kill for each member of AfterRestart; every other
            kill point gets one kill, and the members take turns.
        on_row: called with each row.
    """
    rows, seen = [], set[str]()
    turns = cycle(AfterRestart)
    for number, scenario in enumerate(scenarios):
        with harness.new_shop(f'scenario-{number}') as context:
            points = find_kill_points(scenario, context)
            assert points, scenario.name
            for point in points:
                new = thorough and point.name not in seen
                seen.add(point.name)
                rows.append(kill_at(point, scenario, context, list(AfterRestart) if new else [next(turns)]))
                on_row(rows[-1])
    return rows


def kill_at(point: KillPoint, scenario: Scenario, context: Context, afters: Iterable[AfterRestart]) -> Row:
    """Kill a shop at one point, once for each given continuation."""
    row = Row(scenario.name, point.name)
    for after in afters:
        findings = kill_once(point, scenario, context, after)
        if findings is not None:
            row.kills += 1
            row.findings += findings
    return row


def kill_at_random(harness: Harness, *, kills: int, seed: int) -> Row:
    """Kill a shop at random times under load; then reconcile once, and check it."""
    with harness.new_shop('random') as context:
        context.shop.kill()
        context.shop.start(kill_points=False)
        RandomLoad(context.shop, context.sandbox, seed=seed).run(kills=kills)
        context.pay_out_bank_debits()
        context.shop.kill()
        context.shop.start()
        context.shop.wait_for_round()
        assert context.shop.is_running, context.shop.log()[-4000:]
        findings = check_payments(context.ledger, context.sandbox)
        findings += check_mails(context.ledger, context.sandbox, may_repeat=kills)
        findings += check_effects(context.ledger, context.sandbox)
        findings += check_pages(context.ledger.orders(), context.shop.url)
        paid = len(context.ledger.paid_sessions())
    return Row(f'{CUSTOMERS} customers at once, {paid} payments', 'at random', kills, findings)
