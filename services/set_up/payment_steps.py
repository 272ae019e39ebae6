"""The steps at Stripe: keys, price, webhook endpoint."""

import hashlib
from contextlib import suppress

from services.money import Money, parse_amount
from services.payments import ListedPrice, Payments, create_key_url
from services.set_up import webhooks
from services.set_up.answers import Answers
from services.set_up.refused import WHERE_KEYS, Refused, stripe_answers
from services.set_up.vendors import mode_of, payments_of
from services.set_up.webhooks import Plan

SECRET = 'STRIPE_WEBHOOK_SECRET'  # noqa: S105  # the name of a setting
RESTRICTED_KEY = create_key_url(for_buttons=True, for_set_up=True)
"""Stripe's form for a restricted key with everything ticked."""
MUST_HAVE = frozenset({'Checkout Sessions: Write', 'Prices: Read'})  # rows of Stripe's Dashboard


class PaymentSteps:
    """The steps at Stripe."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def use_keys(self, secret: str, publishable: str) -> list[str]:
        """Take the keys, after trying them; returns what the operator should know.

        Args:
            secret: a secret or restricted key; '' keeps the one there is.
            publishable: the publishable key of the same mode; '' keeps the one there is, or none.

        Raises:
            Refused: Stripe does not take the key, or it lacks what nothing works without.
        """
        answers = {
            name: self._answers.pick(name, typed)
            for name, typed in (('STRIPE_SECRET_KEY', secret), ('STRIPE_PUBLISHABLE_KEY', publishable))
        }
        is_of_other_mode = mode_of(answers['STRIPE_PUBLISHABLE_KEY']) != mode_of(answers['STRIPE_SECRET_KEY'])
        if is_of_other_mode and not publishable.strip():
            answers['STRIPE_PUBLISHABLE_KEY'] = self._answers.fixed.get('STRIPE_PUBLISHABLE_KEY', '')
        if not answers['STRIPE_SECRET_KEY']:
            raise Refused('The secret key is missing. ' + WHERE_KEYS)
        self._answers.check(answers)
        async with payments_of(self._answers.values | answers) as payments:
            with stripe_answers():
                await payments.try_permissions()
            missing = payments.missing.rows()
        if lacking := sorted(MUST_HAVE.intersection(missing)):
            raise Refused(f'The key lacks {", ".join(lacking)}. {WHERE_KEYS}')
        await self._answers.keep(answers)
        return [
            f'The key lacks {row}: see "Permissions of a restricted key" in the README.' for row in missing
        ]

    async def prices(self) -> tuple[ListedPrice, ...]:
        """Return the one-time prices to choose from."""
        async with payments_of(self._answers.values) as payments:
            with stripe_answers():
                return await payments.prices.read_all()

    async def use_price(self, price_id: str) -> Money:
        """Take a price; returns what it costs.

        Raises:
            Refused: it cannot be sold.
        """
        answers = {'STRIPE_PRICE_ID': self._answers.pick('STRIPE_PRICE_ID', price_id)}
        self._answers.check(answers)
        missing = (
            f'The account of the Stripe key does not have the price {answers["STRIPE_PRICE_ID"]} in '
            f'{self._answers.mode} mode. Choose another one.'
        )
        async with payments_of(self._answers.values) as payments:
            with stripe_answers(missing=missing):
                money = await payments.read_price(answers['STRIPE_PRICE_ID'])
        await self._answers.keep(answers)
        return money

    async def make_price(self, product: str, amount: str, currency: str, *, attempt: str) -> ListedPrice:
        """Make a product with a price, and take it.

        Args:
            product: its name.
            amount: as the operator types it, such as 150 or 149.50.
            currency: its ISO code.
            attempt: our id of this wish; the same wish with it makes no second price, another wish does.

        Raises:
            Refused: an argument is wrong, the price cannot be changed here, or Stripe refuses.
        """
        if fixed := self._answers.fixed_words('STRIPE_PRICE_ID'):
            raise Refused(fixed)
        try:
            money = parse_amount(amount, currency.strip().lower())
        except ValueError as error:
            raise Refused('Type the amount like 150 or 149.50, and the currency like usd.') from error
        if not product.strip():
            raise Refused('The product needs a name: customers see it at Stripe.')
        # Stripe refuses a key that comes again with something else: whoever goes back and changes the amount.
        wish = hashlib.sha256(repr((attempt, product.strip(), money)).encode()).hexdigest()
        async with self._answers.hold.working(), payments_of(self._answers.values) as payments:
            with stripe_answers():
                made = await payments.prices.make(product.strip(), money, attempt=wish)
            await self._answers.keep({'STRIPE_PRICE_ID': made.id})
        return made

    async def plan_endpoint(self) -> Plan:
        """Plan a webhook endpoint at Stripe whose secret is known; returns what is done at the end.

        Raises:
            Refused: Stripe refuses; with test keys the shop also works without.
        """
        if fixed := self._answers.fixed_words(SECRET):
            return Plan(makes=False, deletes=(), words=fixed)
        async with payments_of(self._answers.values) as payments:
            with stripe_answers(may_skip=self._answers.mode != 'live'):
                plan = await self._plan(payments)
                await payments.endpoints.try_to_write()
        await self._answers.plan(webhooks.ENDPOINT, SECRET, self._answers.values.get(SECRET, ''))
        return plan

    async def read_plan(self) -> Plan | None:
        """Return what becomes of the endpoint at the end; None where there is nothing to say.

        Raises:
            Refused: Stripe refuses, or does not answer.
        """
        if self._answers.is_left_out(webhooks.ENDPOINT):
            return await self._left_as_it_is()
        if not self._answers.is_planned(webhooks.ENDPOINT):
            return None
        async with payments_of(self._answers.values) as payments:
            with stripe_answers():
                return await self._plan(payments)

    async def _left_as_it_is(self) -> Plan | None:
        values = self._answers.values
        async with payments_of(values) as payments:
            with suppress(Refused), stripe_answers():  # a key without this right is why none was planned
                return await webhooks.left_as_it_is(
                    payments, self._url, self._answers.made, values.get(SECRET, '')
                )
        return None

    async def make_planned(self, plan: Plan) -> None:
        """Make the endpoint that was planned; those before it stay.

        Raises:
            Refused: Stripe refuses, or does not answer.
        """
        if not plan.makes:
            return
        values = self._answers.values
        async with payments_of(values) as payments:
            with stripe_answers():
                made_id, secret = await webhooks.make_endpoint(payments, self._url)
        setting = webhooks.with_new(
            secret, values.get(SECRET, ''), self._answers.made.get(webhooks.ENDPOINT, '')
        )
        await self._answers.write_down(webhooks.ENDPOINT, made_id, secret, {SECRET: setting})

    async def delete_planned(self, plan: Plan) -> None:
        """Delete the endpoints that the plan names: the settings have the secret of another one.

        Raises:
            Refused: Stripe refuses, or does not answer.
        """
        async with payments_of(self._answers.values) as payments:
            with stripe_answers():
                await webhooks.delete_endpoints(payments, plan.deletes)

    async def skip_endpoint(self, secret: str = '') -> None:
        """Do without an endpoint made here.

        Args:
            secret: of an endpoint that the operator has made; '' keeps the one there is, or is none, which a
                live key does not allow.

        Raises:
            Refused: a live key needs one, or it is no such secret.
        """
        typed = secret.strip()
        secret = typed or self._answers.existing.get(SECRET, '')
        self._answers.check({SECRET: secret})
        await self._answers.leave_out(webhooks.ENDPOINT, SECRET, secret, is_typed=bool(typed))

    @property
    def _url(self) -> str:
        return f'{self._answers.values["DOMAIN"]}/webhooks/stripe'

    async def _plan(self, payments: Payments) -> Plan:
        secret = self._answers.values.get(SECRET, '')
        return await webhooks.plan_endpoint(payments, self._url, self._answers.made, secret)
