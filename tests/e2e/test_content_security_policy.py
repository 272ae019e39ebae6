"""What the browser may do on our pages is what they do, and no more."""

import re

import httpx
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


def test_the_framework_is_loaded_once(shop_process: Server) -> None:
    """Every script and style that the landing page names comes compressed, to be kept for good."""
    with httpx.Client(base_url=shop_process.url, headers={'accept-encoding': 'br'}) as browser:
        page = browser.get('/')
        files = set(re.findall(r'"(/_nicegui/[^"{}]+\.m?js|/_nicegui/[^"{}]+\.css)"', page.text))
        assert len(files) > 5
        for file in files:
            headers = browser.get(file).headers
            assert 'immutable' in headers['cache-control'], file
            assert 'max-age=31536000' in headers['cache-control'], file
            assert headers['content-encoding'] == 'br', file
    assert page.headers['cache-control'] == 'no-store'
