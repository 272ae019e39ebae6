"""The chart of the overview: money and bookings of each day, as SVG made here, and the same as a table."""

from collections.abc import Sequence

from babel.dates import format_date
from markupsafe import Markup

from services.admin.overview import Day
from services.money import Money
from ui.admin.components import LOCALE, amount, count, folded
from ui.components.builder import h, join

STEP, BAR = 10, 7  # units of the drawing, which is as wide as the page: a day, and the bar in it
MONEY_HEIGHT, BOOKINGS_HEIGHT = 120, 40


def chart(days: Sequence[Day], *, table_open: bool = False) -> Markup:
    """Build the chart and its table.

    Args:
        days: the oldest first; at least one.
        table_open: whether the table is shown from the start.
    """
    total = Money(sum(day.money.amount for day in days), days[0].money.currency)
    bookings = sum(day.bookings for day in days)
    described = (
        f'From {_day(days[0])} to {_day(days[-1])}: {total} after refunds, and {count(bookings, "meeting")}. '
        f'The best day was {_day(best := max(days, key=lambda day: day.money.amount))} with {best.money}.'
    )
    most = max((day.money for day in days), key=lambda money: money.amount)
    return h(
        'figure',
        _caption('Money after refunds', f'most: {most}'),
        _bars(
            [day.money.amount for day in days],
            [f'{_day(day)}: {day.money}' for day in days],
            height=MONEY_HEIGHT,
            name='money-bars',
            title=f'Money of the last {len(days)} days',
            described=described,
        ),
        _caption('Meetings', f'most: {max(day.bookings for day in days)}'),
        _bars(
            [day.bookings for day in days],
            [f'{_day(day)}: {count(day.bookings, "meeting")}' for day in days],
            height=BOOKINGS_HEIGHT,
            name='meeting-bars',
            title=f'Meetings of the last {len(days)} days',
            described=f'{count(bookings, "meeting")} in all.',
        ),
        h('p', h('span', _day(days[0])), h('span', _day(days[-1])), class_='axis', aria_hidden='true'),
        folded('The same as a table', _table(days), is_open=table_open),
        class_='chart',
    )


def _caption(left: str, right: str) -> Markup:
    return h('p', h('span', left), h('span', right.replace('-', '−')), class_='legend')


def _bars(
    values: Sequence[int], words: Sequence[str], *, height: int, name: str, title: str, described: str
) -> Markup:
    """Draw one bar for each value, from the line of zero up, or down where it is negative."""
    top, bottom = max(0, *values), min(0, *values)
    scale = (height - 2) / (top - bottom or 1)
    zero = 1 + top * scale
    drawn = []
    for index, (value, text) in enumerate(zip(values, words, strict=True)):
        length = max(abs(value) * scale, 0 if value == 0 else 1)
        place = {'x': f'{index * STEP + (STEP - BAR) / 2:g}', 'width': str(BAR)}
        area = h('rect', x=str(index * STEP), y='0', width=str(STEP), height=str(height), class_='area')
        shape = h('rect', **place, y=f'{zero - length * (value > 0):.2f}', height=f'{length:.2f}')
        drawn.append(h('g', h('title', text), area, shape))
    wide = len(values) * STEP
    line = h(
        'line', x1='0', x2=str(wide), y1=f'{zero:.2f}', y2=f'{zero:.2f}', vector_effect='non-scaling-stroke'
    )
    heading = h('title', title, id=f'{name}-title'), h('desc', described, id=f'{name}-desc')
    size = {'viewBox': f'0 0 {wide} {height}', 'preserveAspectRatio': 'none'}
    named = {'role': 'img', 'aria_labelledby': f'{name}-title', 'aria_describedby': f'{name}-desc'}
    return h('svg', *heading, *drawn, line, class_=f'bars {name}', **named, **size)


def _table(days: Sequence[Day]) -> Markup:
    names = h(
        'tr',
        h('th', 'Day', scope='col'),
        *(_number('th', name, scope='col') for name in ('Money', 'Meetings')),
    )
    rows = (
        h(
            'tr',
            h('th', _day(day), scope='row'),
            _number('td', amount(day.money)),
            _number('td', str(day.bookings)),
        )
        for day in reversed(days)
    )
    caption = h('caption', 'Money after refunds, and meetings, by day')
    table = h('table', caption, h('thead', names), h('tbody', *rows))
    return h('div', table, class_='table')


def _number(tag: str, content: object, **attributes: str) -> Markup:
    return h(tag, content, class_='amount', **attributes)


def _day(day: Day) -> str:
    return str(format_date(day.day, 'MMM d', LOCALE))


def no_chart() -> Markup:
    """Say that there is nothing to draw."""
    return join(h('p', 'The chart appears with the first payment.', class_='quiet'))
