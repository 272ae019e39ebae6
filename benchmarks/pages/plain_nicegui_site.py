"""The landing page in plain NiceGUI, for comparison: its own elements and defaults."""

import os
from typing import Any

from nicegui import ui

from benchmarks.pages.site_texts import values


def heading(words: str) -> None:
    """Draw the title of a section."""
    ui.label(words).classes('text-2xl font-semibold')


def line(icon: str, words: str) -> None:
    """Draw a text behind an icon."""
    with ui.row(wrap=False).classes('items-center'):
        ui.icon(icon, color='primary')
        ui.label(words)


class LandingPage:
    """The same texts as the shop's landing page."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values, self._site = values, values['site']

    def draw(self) -> None:
        """Draw the page."""
        site, texts = self._site, self._site['landing']
        self._header()
        with ui.column().classes('w-full max-w-5xl mx-auto p-4 gap-8'):
            ui.label(texts['headline']).classes('text-5xl font-bold')
            ui.label(texts['lead']).classes('text-lg')
            with ui.card().classes('w-full'):
                ui.label(site['offer']['name']).classes('font-semibold')
                ui.label(f'{site["offer"]["minutes"]} minutes · {site["offer"]["format"]}')
                ui.label(self._values['price']).classes('text-4xl')
                self._button()
                for text in texts['assurances']:
                    line('check', text)
            self._sections(texts)
            heading(texts['closing_title'])
            ui.label(texts['closing_text'])
            self._button()
        self._footer()

    def _sections(self, texts: dict[str, Any]) -> None:
        heading(texts['steps_title'])
        for step in texts['steps']:
            ui.label(step['title']).classes('font-semibold')
            ui.label(step['text'])
        heading(texts['topics_title'])
        ui.label(texts['topics_lead'])
        for topic in texts['topics']:
            line('check', topic)
        heading(texts['disclaimer_title'])
        for words in texts['disclaimer']:
            line('remove', words)
        heading(texts['questions_title'])
        for item in texts['questions']:
            with ui.expansion(item['question']).classes('w-full'):
                ui.label(item['answer'])

    def _button(self) -> None:
        words = f'{self._site["offer"]["button"]} - {self._values["price"]}'
        ui.button(words, on_click=lambda: ui.navigate.to(os.environ['PAYMENT']))

    def _header(self) -> None:
        with ui.header().classes('items-center justify-between'):
            ui.link(self._site['business']['name'], '/').classes('text-white text-lg')
            ui.link(self._site['contact']['phone'], f'tel:{self._values["dial"]}').classes('text-white')

    def _footer(self) -> None:
        contact = self._site['contact']
        with ui.footer().classes('gap-4'):
            ui.link(contact['email'], f'mailto:{contact["email"]}').classes('text-white')
            ui.label(contact['hours'])
            for name in ('terms', 'refunds', 'privacy'):
                ui.link(self._site[name]['title'], f'/{name}').classes('text-white')


def serve() -> None:
    """Run the web server."""
    page = LandingPage(values())
    ui.page('/', title=values()['site']['landing']['title'])(page.draw)
    ui.run(host='127.0.0.1', port=int(os.environ['PORT']), reload=False, show=False)


if __name__ in {'__main__', '__mp_main__'}:
    serve()
