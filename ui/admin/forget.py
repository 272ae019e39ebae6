"""Forgetting a customer: a page that says what will be erased, and the button that does it."""

from fastapi import Request, Response
from markupsafe import Markup
from nicegui import ui

from services.admin import SignedIn
from services.admin.forget import ForgetPlan
from services.shop import Shop
from ui.admin.access import Form, admin_page, admin_post, see_other
from ui.admin.forms import action_form, button, hidden
from ui.admin.layout import Area
from ui.components.builder import h
from ui.components.elements import Static

PATH = '/admin/forget'
LEAD = (
    'Erases name, e-mail address, telephone number, links and texts about a person, here. Amounts, dates, '
    'references and the ids of Stripe stay, as your books need them.'
)


def register(shop: Shop) -> None:
    """Register the page and its action."""

    @admin_page(PATH, shop, title='Forget a customer', area=Area.EXPORT)
    async def page(request: Request, signed_in: SignedIn) -> None:
        who = request.query_params.get('who', '').strip()
        body = _plan(signed_in, who, await shop.forget.plan(who)) if who else []
        if 'done' in request.query_params:
            body = [h('p', 'The customer is forgotten.', class_='note', role='status')]
        ui.context.client.content.classes('narrow')
        for part in (h('h1', 'Forget a customer'), h('p', LEAD), *body, _search(who)):
            Static(part)

    @admin_post(PATH, shop)
    async def forget(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        await shop.forget.carry_out(form.get('who', ''), actor=signed_in.actor)
        return see_other(f'{PATH}?done=1')


def _search(who: str) -> Markup:
    label = h('label', 'E-mail address, or reference of one order', for_='who')
    field = h('input', name='who', id='who', value=who, required=True, maxlength='254', autocomplete='off')
    return h(
        'form', label, field, button('Show what would be erased'), method='get', action=PATH, class_='form'
    )


def _plan(signed_in: SignedIn, who: str, plan: ForgetPlan) -> list[Markup]:
    kept = [f'Order {order.reference}: {order.why}.' for order in plan.kept]
    before = [f'Order {reference} was erased earlier.' for reference in plan.erased_before]
    not_now = [_section('Not now', *kept, *before)] if kept or before else []
    if plan.erases_nothing:
        words = 'Nothing of it can be erased now.' if not_now else 'Nothing is known of it.'
        return [h('p', words, role='status'), *not_now]
    erased = [
        f'Order {order.reference} of {order.created_at:%Y-%m-%d}: {order.state}, {order.paid}'
        for order in plan.orders
    ]
    if plan.traces.count:
        erased.append(f'{plan.traces.count} other places where the address stands: bookings, mails, texts')
    return [
        _section('To be erased', *erased),
        *not_now,
        _section('What this shop cannot erase', *plan.elsewhere),
        action_form(
            signed_in,
            PATH,
            hidden('who', who),
            h('p', 'This cannot be undone.'),
            button('Erase this customer', kind='danger'),
        ),
    ]


def _section(title: str, *lines: str) -> Markup:
    return h('section', h('h2', title), *(h('p', line) for line in lines))
