"""Checking one page with axe-core against WCAG 2.2 AA, in both schemes, and on a narrow screen."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

from tests.e2e import journey

AXE, AXE_AGAIN = Axe(), Axe('null')  # the second is for a page that has loaded axe already
STANDARD = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
COLOURS = ['cat.color']
OPTIONS = {'iframes': False, 'preload': False, 'resultTypes': ['violations', 'incomplete']}
CONTRAST = 'color-contrast'
PHONE: ViewportSize = {'width': 390, 'height': 844}
NARROW = 320  # CSS pixels
TARGET_SIZE = 44  # CSS pixels, width and height
TARGETS = 'button, summary, a:not(p:not(.links) > a:not(.cta))'
"""What can be pressed, without links in a sentence: they may be as high as a line (WCAG 2.2, 2.5.8)."""


def check(page: Page) -> None:
    """Check a page with axe; on a narrow screen also that nothing is cut off or too small to press."""
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme='light')
    _assert_none(_violations(AXE, page, STANDARD))
    page.emulate_media(color_scheme='dark')
    _assert_none(_violations(AXE_AGAIN, page, COLOURS))
    page.set_viewport_size({'width': NARROW, 'height': 640})
    assert journey.content_width(page) <= NARROW
    _assert_none(_too_small(page))


def _assert_none(found: list[str]) -> None:
    assert not found, '\n'.join(found)


def _violations(axe: Axe, page: Page, tags: list[str]) -> list[str]:
    """Return what axe finds outside frames, one line each."""
    result = axe.run(page, options=OPTIONS | {'runOnly': tags}).response
    found = [*result['violations'], *(rule for rule in result['incomplete'] if rule['id'] == CONTRAST)]
    failed = [(rule['id'], node) for rule in found for node in rule['nodes'] if not _overlaps(node)]
    return [f'{name}: {node["html"]}' for name, node in failed]


def _overlaps(node: dict[str, Any]) -> bool:
    """Return whether axe could not measure the contrast, because a notice covers a part of the page."""
    return any((check['data'] or {}).get('messageKey') == 'elmPartiallyObscuring' for check in node['any'])


def _too_small(page: Page) -> list[str]:
    """Return the targets that are too small."""
    # Handles, not locators: a page that changes meanwhile has no box for a target that is gone.
    boxes = ((target, target.bounding_box()) for target in page.locator(TARGETS).element_handles())
    return [str(target) for target, box in boxes if box and min(box['width'], box['height']) < TARGET_SIZE]
