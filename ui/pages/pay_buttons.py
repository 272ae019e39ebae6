"""The pay buttons of an opened page: a plain form at first, reactive once the websocket is there."""

import asyncio
from functools import lru_cache

from markupsafe import Markup
from nicegui import Client, ui

from services.catalog import Offer
from services.errors import AlreadyPaid, OurFault, PriceChanged, ShopError
from services.shop import Shop
from services.site import Product
from ui.components.builder import h, join
from ui.components.elements import Static, Tag, leave_for
from ui.middleware.browser_id import browser_id_of
from ui.pages.errors import alert, alert_for, incident

WORKING = 'Processing...'
LOST = 'The connection is gone. The button comes back by itself as soon as this page is connected again.'
UNEXPECTED = 'Something went wrong on our side. Please try again in a moment.'
STILL_HERE = 20.0  # seconds after which a browser that was sent to Stripe gets its button back


def label(shop: Shop, offer: Offer) -> str:
    """What the button says: its text, and the amount where it is known."""
    text = shop.site.offer.button
    return f'{text} - {offer.price}' if offer.price else text


def price_tag(shop: Shop, offer: Offer) -> Markup:
    """What is for sale, for how much."""
    return _price_tag(shop.site.offer, offer)


@lru_cache(maxsize=2)
def _price_tag(product: Product, offer: Offer) -> Markup:
    price = h('p', str(offer.price), class_='price') if offer.price else None
    terms = h('p', f'{product.minutes} minutes · {product.format}')
    return join(h('div', h('h2', product.name), terms), price)


class PayForm:
    """One button with the form around it and the alert next to it."""

    def __init__(self, offer: Offer, text: str, *, again: bool, trouble: Markup) -> None:
        with Tag('form', method='post', action='/checkout').classes('pay'):
            self.alert = Static(trouble, role='alert').classes('alert')
            self.button = Tag('button', text, type='submit').classes('cta')
            self.unseen = Static(Markup(''), 'p').classes('lost')
        self.refresh(offer, text, again=again)

    def refresh(self, offer: Offer, text: str, *, again: bool) -> None:
        """Make the button ready to be pressed."""
        shown = f'{offer.price.amount}-{offer.price.currency}' if offer.price else ''
        self.unseen.show(join(_field('shown', shown), _field('again', '1' if again else ''), LOST))
        self.button.text = text
        self.button.props['data-label'] = text  # keeps the button's size while it says something else
        for name in ('aria-disabled', 'aria-busy'):
            self.button.props.pop(name, None)

    @property
    def is_waiting(self) -> bool:
        """Whether the button is unusable; a click that was on its way already must not count."""
        return 'aria-disabled' in self.button.props

    def wait(self, text: str) -> None:
        """Make the button unusable while something is under way."""
        self.button.props['aria-disabled'] = 'true'  # which, unlike disabled, leaves the keyboard where it is
        self.button.text = text


def _field(name: str, value: str) -> Markup:
    return h('input', type='hidden', name=name, value=value)


class PayButtons:
    """All pay buttons of a page together: whichever is pressed, there is one checkout under way."""

    def __init__(self, shop: Shop, offer: Offer, price: Static, *, again: bool = False) -> None:
        self._shop, self._offer, self._price, self._again = shop, offer, price, again
        self._client: Client = ui.context.client
        self._forms: list[PayForm] = []
        self._asking = False
        self._client.on_connect(self._connected)
        self._client.on_exception(self._broken)

    def draw_form(self, trouble: Markup | None = None) -> None:
        """Draw a button here, with what its alert says at first."""
        text, said = label(self._shop, self._offer), trouble or Markup('')
        form = PayForm(self._offer, text, again=self._again, trouble=said)

        async def pressed() -> None:
            await self._pay(form)

        form.button.on('click', pressed, args=[])
        self._forms.append(form)

    def _connected(self) -> None:
        """Take over from the plain form; after the way back from Stripe, make the buttons fresh."""
        for form in self._forms:
            form.button.props['type'] = 'button'
        self._refresh()

    def _refresh(self) -> None:
        if self._asking:
            return
        for form in self._forms:
            form.refresh(self._offer, label(self._shop, self._offer), again=self._again)

    def _broken(self, error: Exception) -> None:
        """After a bug of ours: say so beside every button, with the id that NiceGUI is about to log."""
        words = OurFault.words if self._asking else UNEXPECTED
        self._asking = False
        self._refresh()
        for form in self._forms:
            form.alert.show(alert(words, self._shop.site.contact, incident(error)))

    async def _pay(self, form: PayForm) -> None:
        if form.is_waiting:
            return
        self._wait(form)
        if url := await self._ask(form):
            leave_for(url)
            asyncio.get_running_loop().call_later(STILL_HERE, self._refresh)
        else:
            self._refresh()

    def _wait(self, pressed: PayForm) -> None:
        self._asking = True
        for form in self._forms:
            form.wait(form.button.text)
            form.alert.show(Markup(''))
        pressed.wait(WORKING)
        pressed.button.props['aria-busy'] = 'true'

    async def _ask(self, form: PayForm) -> str:
        """Return the address of the payment page; '' after an alert has said why there is none."""
        try:
            return await self._start()
        except ShopError as error:
            await self._explain(form, error)
            return ''
        finally:
            self._asking = False

    async def _start(self) -> str:
        session = await self._shop.checkout.start(
            browser_id=browser_id_of(self._client),
            because='button',
            client=self._client.ip,
            shown=self._offer.price,
            again=self._again,
        )
        return str(session.url)

    async def _explain(self, form: PayForm, error: ShopError) -> None:
        """Say what went wrong next to the button that was pressed."""
        self._again = isinstance(error, AlreadyPaid)
        if isinstance(error, PriceChanged):
            self._offer = await self._shop.catalog.look()
            self._price.show(price_tag(self._shop, self._offer))
        form.alert.show(alert_for(error, self._shop.site.contact))
