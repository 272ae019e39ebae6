"""What the browser may do on our pages is what they do, and no more."""

import re

from playwright.sync_api import Page, Route

from tests.e2e import journey
from tests.processes import Server


def test_a_violation_is_noticed(page: Page, shop_process: Server, violations: list[str]) -> None:
    """The net under all journeys catches: a script that is not ours does not run and is heard of."""

    def injected(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('</body>', '<script>x = 1</script></body>'))

    page.route(re.compile('/$'), injected)
    journey.open_landing(page, shop_process)
    assert len(violations) == 1
    violations.clear()
