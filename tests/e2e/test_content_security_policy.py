"""The content security policy in the browser, and how scripts and styles are served."""

import re

import httpx
from playwright.sync_api import Page, Route

from tests.e2e import journey
from tests.processes import Server


def test_a_violation_is_detected(page: Page, shop_process: Server, violations: list[str]) -> None:
    """The check after every browser test can fail: a foreign script does not run and is reported."""

    def inject(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('</body>', '<script>x = 1</script></body>'))

    page.route(re.compile('/$'), inject)
    journey.open_landing(page, shop_process)
    assert len(violations) == 1
    violations.clear()


def test_framework_files_are_cached_and_compressed(shop_process: Server) -> None:
    """Every script and style of the landing page is compressed and may be cached for ever."""
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
