"""What the rehearsal reads of a page: its forms and its addresses, as a browser would."""

from html.parser import HTMLParser

from services.rehearsal.hops import HopFailed


class Page(HTMLParser):
    """One page: the fields of each form by its action, every address in it, and its text."""

    def __init__(self, html: str) -> None:
        """Read a page."""
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self.addresses: list[str] = []
        self._fields: dict[str, str] = {}
        self._select = ''
        self._alert = False
        self._parts: list[str] = []
        self._alerts: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """What the page says."""
        return ' '.join(' '.join(self._parts).split())

    @property
    def alert(self) -> str:
        """The words of the first alert, '' without one."""
        return next(filter(None, (' '.join(part.split()) for part in self._alerts)), '')

    def form(self, action: str) -> dict[str, str]:
        """Return the fields of the form that posts to a path, as they are when the page is opened.

        Raises:
            HopFailed: the page has no such form.
        """
        if action not in self.forms:
            raise HopFailed(f'the page has no form for {action.rpartition("/")[2]}')
        return dict(self.forms[action])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms with their fields, addresses, and where an alert begins."""
        found = {name: value or '' for name, value in attrs}
        self.addresses += [found[name] for name in ('href', 'src') if found.get(name)]
        if tag == 'form':
            self._fields = self.forms.setdefault(found.get('action', ''), {})
        elif tag == 'select':
            self._select = found.get('name', '')
        elif tag == 'option' and self._select:
            self._fields.setdefault(self._select, found.get('value', ''))
        elif tag in ('input', 'textarea') and found.get('name') and found.get('type') != 'checkbox':
            self._fields[found['name']] = found.get('value', '')
        if tag == 'div':
            self._alert = found.get('role') == 'alert'

    def handle_endtag(self, tag: str) -> None:
        """Note where a list of choices or an alert ends."""
        if tag == 'select':
            self._select = ''
        if tag == 'div':
            self._alert = False

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self._parts.append(data)
        if self._alert:
            self._alerts.append(data)
