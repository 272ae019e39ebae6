"""Prices and products: made, read and listed (https://docs.stripe.com/api/prices, …/products)."""

from services.sandbox.state import SandboxState, new_id
from services.sandbox.stripe import objects
from services.sandbox.stripe.errors import StripeError, not_found
from services.sandbox.stripe.listing import list_page, matches_time
from services.sandbox.types import Json


def create_product(state: SandboxState, _: str, params: Json) -> Json:
    """`POST /v1/products`."""
    key = params.get('id') or new_id('prod_', 14)
    if key in state.products:
        message = f'Product already exists. Change the product id: {key}'
        raise StripeError(message, code='resource_already_exists', param='id')
    made = objects.product(key, params['name'], None, state.timestamp())
    state.products[key] = made | {name: value for name, value in params.items() if name != 'id'}
    return dict(state.products[key])


def create_price(state: SandboxState, _: str, params: Json) -> Json:
    """`POST /v1/prices`: a one-time price of a product that exists or is made with it."""
    if ('product' in params) == ('product_data' in params):
        raise StripeError('You must specify either `product` or `product_data`.', param='product')
    amount = params.get('unit_amount')
    if amount is None:
        raise StripeError(
            'Missing required param: unit_amount.', code='parameter_missing', param='unit_amount'
        )
    if amount < 0:
        raise StripeError(
            'Invalid non-negative integer', code='parameter_invalid_integer', param='unit_amount'
        )
    product = params.get('product') or create_product(state, '', params['product_data'])['id']
    if product not in state.products:
        raise not_found('product', product, 'product', status=400)
    key = new_id('price_1')
    made = objects.price(key, product, amount, params['currency'].lower(), state.timestamp())
    names = ('active', 'lookup_key', 'metadata', 'nickname', 'tax_behavior')
    state.prices[key] = made | {name: params[name] for name in names if name in params}
    return dict(state.prices[key])


def list_products(state: SandboxState, _: str, params: Json) -> Json:
    """`GET /v1/products`."""
    found = [
        item for item in reversed(state.products.values())
        if matches_time(item['created'], params.get('created'))
        and all(params[name] == item[name] for name in ('active', 'shippable', 'url') if name in params)
        and item['id'] in params.get('ids', (item['id'],))
    ]  # fmt: skip
    return list_page(found, params, '/v1/products', 'product')


def list_prices(state: SandboxState, _: str, params: Json) -> Json:
    """`GET /v1/prices`."""
    names = ('active', 'product', 'type', 'currency')
    found = [
        item for item in reversed(state.prices.values())
        if matches_time(item['created'], params.get('created'))
        and all(params[name] == item[name] for name in names if name in params)
    ]  # fmt: skip
    return list_page(found, params, '/v1/prices', 'price')


def read_price(state: SandboxState, key: str, _: Json) -> Json:
    """`GET /v1/prices/{id}`."""
    if key not in state.prices:
        raise not_found('price', key, 'price')
    return dict(state.prices[key])


def read_product(state: SandboxState, key: str, _: Json) -> Json:
    """`GET /v1/products/{id}`."""
    if key not in state.products:
        raise not_found('product', key, 'product')
    return dict(state.products[key])
