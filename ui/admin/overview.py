"""The first page of the admin: what needs a hand, who comes, and how the shop does; it is updated live."""

from datetime import tzinfo

from fastapi import Request
from nicegui import Client, ui
from nicegui.elements.timer import Timer  # ui.timer, of which every process must have the script

from services.admin import Result, SignedIn
from services.admin.overview import Overview
from services.shop import Shop
from ui.admin import attention, figures
from ui.admin.access import admin_page, guarded, is_below_admin
from ui.admin.actions import result_in
from ui.admin.chart import chart, no_chart
from ui.admin.components import heading, notice
from ui.admin.layout import Area
from ui.admin.live import LiveList
from ui.components.builder import h
from ui.components.elements import Static

INTERVAL = 15.0  # seconds between two refreshes of an open page


def register(shop: Shop) -> None:
    """Register /admin."""

    @admin_page('/admin', shop, title='Overview', area=Area.OVERVIEW)
    async def overview(request: Request, signed_in: SignedIn) -> None:
        page = OverviewPage(signed_in, shop.site.business.zone, result_in(request))

        async def refresh() -> None:
            page.show(await shop.reads.overview.read(checks=await shop.health(), looking=looking()))

        await refresh()
        Timer(INTERVAL, guarded(signed_in, refresh), immediate=False)


def looking() -> int:
    """Return how many tabs show a page of the shop now, as far as this process serves them."""
    return sum(
        client.has_socket_connection and not is_below_admin(client.page.path)
        for client in Client.instances.values()
    )


class OverviewPage:
    """An open overview: it shows each reading, and changes only what differs."""

    def __init__(self, signed_in: SignedIn, zone: tzinfo, result: Result | None) -> None:
        """Build the parts, empty.

        Args:
            signed_in: who sees the page.
            zone: the time zone of the shop.
            result: what became of the action that led here.
        """
        self._signed_in, self._zone = signed_in, zone
        with ui.element('div').classes('title'):
            Static(h('h1', 'Overview'))
            self._looking = Static(h('span'), 'p', role='status').classes('quiet')
        Static(notice(result), role='status').classes('result')
        with ui.element('section').classes('needs'):
            self._needs_heading = Static(h('h2', 'Needs a hand'))
            self._nothing = Static(attention.nothing()).classes('calm')
            self._needs = LiveList(class_='items')
            Static(h('a', 'What was put away', href=attention.PATH), 'p').classes('links')
        with ui.element('div').classes('columns'):
            with ui.element('section'):
                Static(heading('Who comes'))
                self._nobody = Static(h('p', 'No meeting today or tomorrow.', class_='quiet'))
                self._meetings = LiveList(class_='items')
            with ui.element('div').classes('side'):
                with ui.element('section'):
                    Static(heading('Money'))
                    self._takings = Static(h('p'))
                with ui.element('section'):
                    Static(heading('The last 30 days'))
                    self._chart = Static(h('p'))

    def show(self, overview: Overview) -> None:
        """Show a reading."""
        zone, now = self._zone, overview.at
        self._looking.show(h('span', figures.looking(overview.looking)))
        needs = overview.attention
        self._needs_heading.show(heading('Needs a hand', needs.total))
        self._needs.show(attention.entries(needs, self._signed_in, zone=zone, now=now))
        self._nothing.set_visibility(not needs.total)
        self._meetings.show([*figures.meeting_entries(overview.meetings, zone=zone, now=now)])
        self._nobody.set_visibility(not overview.meetings)
        self._takings.show(figures.takings(overview.takings))
        self._chart.show(chart(overview.days) if overview.takings else no_chart())
