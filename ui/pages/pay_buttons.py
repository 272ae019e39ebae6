"""The pay buttons of a page: an ordinary HTML form until the websocket connects, then live."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup
from nicegui import Client, ui

from services.catalog import Offer
from services.errors import AlreadyPaid, OurFault, PriceChanged, ShopError
from services.orders import Cause
from services.shop import Shop
from services.site import Contact, Product
from ui.components.builder import h, join, paragraphs
from ui.components.elements import Static, Tag, leave_for
from ui.components.layout import contact_sentence, order_link
from ui.middleware.browser_id import browser_id_of, is_known
from ui.pages.errors import UNEXPECTED, alert, alert_for, error_id_of
from ui.pages.free_times import FreeTimesNote

WORKING = 'Processing...'
DISCONNECTED = 'The connection is lost. The button comes back as soon as this page is connected again.'
ENABLE_AFTER = 20.0  # seconds; a browser that was sent to Stripe and is still here gets its button back


def label(shop: Shop, offer: Offer) -> str:
    """The button's text, with the amount where it is known."""
    text = shop.site.offer.button
    return f'{text} - {offer.price}' if offer.price else text


def price_tag(shop: Shop, offer: Offer) -> Markup:
    """What is for sale, and its price."""
    return _price_tag(shop.site.offer, offer)


@lru_cache(maxsize=2)
def _price_tag(product: Product, offer: Offer) -> Markup:
    price = h('p', str(offer.price), class_='price') if offer.price else None
    terms = h('p', f'{product.minutes} minutes · {product.format}')
    return join(h('div', h('h2', product.name), terms), price)


@lru_cache(maxsize=2)
def _stopped_note(contact: Contact, text: str) -> Markup:
    return h('div', paragraphs(text), contact_sentence(contact), class_='notice')


def stopped_note(shop: Shop, text: str) -> Markup:
    """What stands in place of the button while the operator does not sell."""
    return _stopped_note(shop.site.contact, text)


@dataclass(frozen=True)
class FormTarget:
    """Where the form around a pay button leads while its page is not connected."""

    method: str
    path: str


CHECKOUT = FormTarget('post', '/checkout')


class PayForm:
    """One button with the form around it and the alert next to it."""

    def __init__(self, shop: Shop, offer: Offer, *, again: bool, alert: Markup, target: FormTarget) -> None:
        self._shop = shop
        with Tag('form', method=target.method, action=target.path).classes('pay'):
            self._free_times = FreeTimesNote(shop)
            self._stopped = Static(Markup(''), aria_live='polite').classes('stopped')
            self.alert = Static(alert, role='alert').classes('alert')
            self.button = Tag('button', type='submit').classes('cta')
            self._hidden = Static(Markup(''), 'p').classes('lost')
        self.enable(offer, again=again)

    def enable(self, offer: Offer, *, again: bool) -> None:
        """Make the button ready to be pressed, unless nothing is sold now."""
        text = label(self._shop, offer)
        shown = f'{offer.price.amount}-{offer.price.currency}' if offer.price else ''
        fields = _field('shown', shown), _field('again', '1' if again else '')
        self._hidden.show(join(*fields, DISCONNECTED))
        self.button.text = text
        self.button.props['data-label'] = text  # keeps the button's size while its text is another one
        for name in ('aria-disabled', 'aria-busy'):
            self.button.props.pop(name, None)
        self.show_what_is_sold()

    def show_what_is_sold(self) -> None:
        """Show which times are free, or the words of whoever has stopped selling in place of the button."""
        stop = self._shop.selling.stop_as_known
        self._free_times.update(is_sold=not stop)
        self._stopped.show(stopped_note(self._shop, stop.text) if stop else Markup(''))
        self.button.props.set_bool('disabled', bool(stop) or not self._shop.availability.sells)
        self.button.set_visibility(not stop)

    @property
    def is_disabled(self) -> bool:
        """Whether the button is disabled; a click that was already on its way must not count."""
        return bool({'aria-disabled', 'disabled'} & self.button.props.keys())

    def disable(self, text: str) -> None:
        """Disable the button while a checkout is being started."""
        self.button.props['aria-disabled'] = 'true'  # unlike disabled, it keeps the keyboard focus
        self.button.text = text


def _field(name: str, value: str) -> Markup:
    return h('input', type='hidden', name=name, value=value)


class PayButtons:
    """All pay buttons of a page together: whichever is pressed, one checkout is started."""

    def __init__(
        self,
        shop: Shop,
        offer: Offer,
        price: Static,
        *,
        again: bool = False,
        target: FormTarget = CHECKOUT,
    ) -> None:
        self._shop, self._offer, self._price, self._again = shop, offer, price, again
        self._target = target
        self._client: Client = ui.context.client
        self._forms: list[PayForm] = []
        self._starting = False
        self._unsubscribe: list[Callable[[], None]] = []
        self._client.on_connect(self._on_connect)
        self._client.on_delete(self._on_delete)
        self._client.on_exception(self._on_exception)

    def add_form(self, alert: Markup | None = None) -> None:
        """Add a button here, with the first content of its alert."""
        first = alert or Markup('')
        form = PayForm(self._shop, self._offer, again=self._again, alert=first, target=self._target)

        async def on_click() -> None:
            await self._pay(form)

        form.button.on('click', on_click, args=[])
        self._forms.append(form)

    def _on_connect(self) -> None:
        """Replace the plain form; enable the buttons of a page that is shown again after Stripe."""
        for form in self._forms:
            form.button.props['type'] = 'button'
        self._enable()
        if not self._unsubscribe:
            for changing in (self._shop.availability, self._shop.selling):
                self._unsubscribe.append(changing.subscribe(self._show_what_is_sold))

    def _on_delete(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()

    def _show_what_is_sold(self) -> None:
        for form in self._forms:
            form.show_what_is_sold()

    def _enable(self) -> None:
        if self._starting:
            return
        for form in self._forms:
            form.enable(self._offer, again=self._again)

    def _on_exception(self, error: Exception) -> None:
        """Show an alert beside every button after a bug, with the id that NiceGUI is about to log."""
        words = OurFault.words if self._starting else UNEXPECTED
        self._starting = False
        self._enable()
        for form in self._forms:
            form.alert.show(alert(words, self._shop.site.contact, error_id_of(error)))

    async def _pay(self, pressed: PayForm) -> None:
        if pressed.is_disabled:
            return
        self._starting = True
        for form in self._forms:
            form.disable(form.button.text)
            form.alert.show(Markup(''))
        pressed.disable(WORKING)
        pressed.button.props['aria-busy'] = 'true'
        if url := await self._start(pressed):
            leave_for(url)
            asyncio.get_running_loop().call_later(ENABLE_AFTER, self._enable)
        else:
            self._enable()

    async def _start(self, pressed: PayForm) -> str:
        """Start a checkout; return the URL of the payment page, or '' after an alert was shown."""
        try:
            session = await self._shop.checkout.start(
                browser_id=browser_id_of(self._client),
                because=Cause.BUTTON,
                client_ip=self._client.ip,
                known_browser=is_known(self._client),
                shown=self._offer.price,
                again=self._again,
            )
        except ShopError as error:
            self._again = isinstance(error, AlreadyPaid)
            if isinstance(error, PriceChanged):
                self._offer = await self._shop.catalog.get_for_page()
                self._price.show(price_tag(self._shop, self._offer))
            browser_id = browser_id_of(self._client)
            paid = await self._shop.checkout.recent_order(browser_id) if self._again else None
            pressed.alert.show(join(alert_for(error, self._shop.site.contact), order_link(paid)))
            return ''
        finally:
            self._starting = False
        return str(session.url)
