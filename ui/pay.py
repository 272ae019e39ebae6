"""The pay buttons of an opened page: a plain form at first, reactive once the websocket is there."""

from markupsafe import Markup
from nicegui import Client, ui

from services.catalog import Offer
from services.errors import AlreadyPaid, PriceChanged, ShopError
from services.shop import Shop
from ui.components import Static, Tag, leave_for
from ui.markup import h, join
from ui.trouble import alert_for
from ui.visitor import visitor_of

WORKING = 'Processing...'
LOST = 'The connection is gone. The button comes back by itself as soon as this page is connected again.'
STILL_HERE = 20.0  # seconds after which a browser that was sent to Stripe gets its button back


def label(shop: Shop, offer: Offer) -> str:
    """What the button says: its text, and the amount where it is known."""
    text = shop.site.offer.button
    return f'{text} - {offer.price}' if offer.price else text


def price_tag(shop: Shop, offer: Offer) -> Markup:
    """What is for sale, for how much."""
    product = shop.site.offer
    price = h('p', str(offer.price), class_='price') if offer.price else None
    terms = h('p', f'{product.minutes} minutes · {product.format}')
    return join(h('div', h('h2', product.name), terms), price)


class PayForm:
    """One button with the form around it and the alert next to it."""

    def __init__(self, offer: Offer, text: str, *, again: bool, alert: Markup) -> None:
        with Tag('form', method='post', action='/checkout').classes('pay'):
            self.alert = Static(alert, role='alert').classes('alert')
            self.shown = Tag('input', type='hidden', name='shown')
            self.again = Tag('input', type='hidden', name='again')
            self.button = Tag('button', text, type='submit').classes('cta')
            Tag('p', LOST).classes('lost')
        self.refresh(offer, text, again=again)

    def refresh(self, offer: Offer, text: str, *, again: bool) -> None:
        """Make the button ready to be pressed."""
        self.shown.props['value'] = f'{offer.price.amount}-{offer.price.currency}' if offer.price else ''
        self.again.props['value'] = '1' if again else ''
        self.button.text = text
        self.button.props['data-label'] = text  # keeps the button's size while it says something else
        for name in ('disabled', 'aria-busy'):
            self.button.props.pop(name, None)

    def wait(self, text: str) -> None:
        """Make the button unusable while something is under way."""
        self.button.props['disabled'] = True
        self.button.text = text


class Till:
    """All pay buttons of a page together: whichever is pressed, there is one checkout under way."""

    def __init__(self, shop: Shop, offer: Offer, price: Static, *, again: bool = False) -> None:
        self._shop, self._offer, self._price, self._again = shop, offer, price, again
        self._client: Client = ui.context.client
        self._forms: list[PayForm] = []
        self._asking = False
        self._client.on_connect(self._connected)

    def draw_form(self, alert: Markup = Markup('')) -> None:  # noqa: B008  # immutable
        """Draw a button here, with what its alert says at first."""
        form = PayForm(self._offer, label(self._shop, self._offer), again=self._again, alert=alert)

        async def pressed() -> None:
            await self._pay(form)

        form.button.on('click', pressed, args=[], throttle=1.0, trailing_events=False)
        self._forms.append(form)

    def _connected(self) -> None:
        """Take over from the plain form; after the way back from Stripe, make the buttons fresh."""
        for form in self._forms:
            form.button.props['type'] = 'button'
        if not self._asking:
            self._refresh()

    def _refresh(self) -> None:
        for form in self._forms:
            form.refresh(self._offer, label(self._shop, self._offer), again=self._again)

    async def _pay(self, form: PayForm) -> None:
        if self._asking:
            return
        self._wait(form)
        try:
            url = await self._start()
        except ShopError as error:
            await self._explain(form, error)
        else:
            leave_for(url)
            ui.timer(STILL_HERE, self._refresh, once=True)
        finally:
            self._asking = False

    def _wait(self, pressed: PayForm) -> None:
        self._asking = True
        for form in self._forms:
            form.wait(form.button.text)
            form.alert.show(Markup(''))
        pressed.wait(WORKING)
        pressed.button.props['aria-busy'] = 'true'

    async def _start(self) -> str:
        session = await self._shop.checkout.start(
            visitor=visitor_of(self._client), because='button', shown=self._offer.price, again=self._again
        )
        return str(session.url)

    async def _explain(self, form: PayForm, error: ShopError) -> None:
        """Say what went wrong next to the button that was pressed, and make the buttons usable again."""
        self._again = isinstance(error, AlreadyPaid)
        if isinstance(error, PriceChanged):
            self._offer = await self._shop.catalog.look()
            self._price.show(price_tag(self._shop, self._offer))
        form.alert.show(alert_for(error, self._shop.site.contact))
        self._refresh()
