"""The same texts as plain NiceGUI pages: its own elements, its own defaults."""

import os
from typing import Any

from nicegui import ui

from benchmarks.pages.rival_texts import texts


def heading(words: str) -> None:
    """Draw the title of a part."""
    ui.label(words).classes('text-2xl font-semibold')


def line(icon: str, words: str) -> None:
    """Draw a text behind an icon."""
    with ui.row(wrap=False).classes('items-center'):
        ui.icon(icon, color='primary')
        ui.label(words)


class Pages:
    """Landing page and order page."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said, self._site = said, said['site']

    def landing(self) -> None:
        """Draw the landing page."""
        site, texts = self._site, self._site['landing']
        self._top()
        with ui.column().classes('w-full max-w-5xl mx-auto p-4 gap-8'):
            ui.label(texts['headline']).classes('text-5xl font-bold')
            ui.label(texts['lead']).classes('text-lg')
            with ui.card().classes('w-full'):
                ui.label(site['offer']['name']).classes('font-semibold')
                ui.label(f'{site["offer"]["minutes"]} minutes · {site["offer"]["format"]}')
                ui.label(self._said['price']).classes('text-4xl')
                self._button()
                for text in texts['assurances']:
                    line('check', text)
            self._parts(texts)
            heading(texts['closing_title'])
            ui.label(texts['closing_text'])
            self._button()
        self._bottom()

    def order(self) -> None:
        """Draw the page of a paid order."""
        said, site = self._said, self._site
        self._top()
        with ui.column().classes('w-full max-w-5xl mx-auto p-4 gap-4'):
            ui.label('✓ Payment Successful!').classes('text-4xl font-bold')
            ui.label(
                f'You paid {said["price"]} for your {site["offer"]["name"]}. Your order is {said["order"]}, '
                f'and the receipt goes to {said["email"]}.'
            )
            heading(site['order']['calendar_title'])
            ui.label(site['order']['calendar_hint'])
            frame = ui.element('iframe').classes('w-full h-[760px]')
            frame.props.update(src=said['calendar'], title=site['order']['calendar_title'])
            ui.link('Open the calendar in a new tab', said['calendar'], new_tab=True)
            receipt = {'Session': site['offer']['name'], 'Paid': said['price'], 'Order': said['order']}
            for name, value in (receipt | {'Receipt to': said['email']}).items():
                with ui.row():
                    ui.label(name)
                    ui.label(value)
        self._bottom()

    def _parts(self, texts: dict[str, Any]) -> None:
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
        words = f'{self._site["offer"]["button"]} - {self._said["price"]}'
        ui.button(words, on_click=lambda: ui.navigate.to(os.environ['PAYMENT']))

    def _top(self) -> None:
        with ui.header().classes('items-center justify-between'):
            ui.link(self._site['business']['name'], '/').classes('text-white text-lg')
            ui.link(self._site['contact']['phone'], f'tel:{self._said["dial"]}').classes('text-white')

    def _bottom(self) -> None:
        contact = self._site['contact']
        with ui.footer().classes('gap-4'):
            ui.link(contact['email'], f'mailto:{contact["email"]}').classes('text-white')
            ui.label(contact['hours'])
            for name in ('terms', 'refunds', 'privacy'):
                ui.link(self._site[name]['title'], f'/{name}').classes('text-white')


def serve() -> None:
    """Run the web server."""
    said = texts()
    pages, title = Pages(said), said['site']['landing']['title']
    ui.page('/', title=title)(pages.landing)
    ui.page('/order', title=title)(pages.order)
    ui.run(host='127.0.0.1', port=int(os.environ['PORT']), reload=False, show=False)


if __name__ in {'__main__', '__mp_main__'}:
    serve()
