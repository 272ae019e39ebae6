"""The steps at Calendly: token, event type, webhook subscription."""

import secrets

from services.scheduling import ListedEventType, Scheduling
from services.set_up import webhooks
from services.set_up.answers import Answers
from services.set_up.refused import Refused, calendly_answers, words_of
from services.set_up.vendors import scheduling_of
from services.set_up.webhooks import Plan

SIGNING_KEY = 'CALENDLY_WEBHOOK_SIGNING_KEY'


class CalendarSteps:
    """The steps at Calendly."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def use_token(self, token: str, *, none: bool = False) -> None:
        """Take the token, after trying it.

        Args:
            token: a personal access token; '' keeps the one there is.
            none: do without a token; every customer then gets the public link.

        Raises:
            Refused: Calendly does not take it.
        """
        token = '' if none else self._answers.pick('CALENDLY_TOKEN', token)
        if not token:
            if not none:
                raise Refused(
                    'The token is missing. It is made in Calendly > Integrations > API and webhooks.'
                )
            await self._answers.keep({'CALENDLY_TOKEN': ''})
            return
        answers = {'CALENDLY_TOKEN': token}
        self._answers.check(answers)
        async with scheduling_of(self._answers.values | answers) as scheduling:
            with calendly_answers():
                await scheduling.event_types.read_all()
        await self._answers.keep(answers)

    async def event_types(self) -> tuple[ListedEventType, ...]:
        """Return the event types to choose from; none without a token."""
        if not self._answers.values.get('CALENDLY_TOKEN'):
            return ()
        async with scheduling_of(self._answers.values) as scheduling:
            with calendly_answers():
                return await scheduling.event_types.read_all()

    async def use_link(self, link: str) -> list[str]:
        """Take the link of an event type; returns what the operator should know about it.

        Raises:
            Refused: it is no such link, Calendly refuses the token, or it surely cannot be sold.
        """
        answers = {'CALENDLY_LINK': self._answers.pick('CALENDLY_LINK', link)}
        self._answers.check(answers)
        async with scheduling_of(self._answers.values | answers) as scheduling:
            problem = await scheduling.check(self._answers.offer.minutes)
        if problem and problem.certain:
            raise Refused(words_of(problem))
        await self._answers.keep(answers)
        return [words_of(problem)] if problem else []

    async def make_event_type(self, name: str) -> ListedEventType:
        """Make an event type of the length that is sold, and take it.

        Raises:
            Refused: the link cannot be changed here, or Calendly refuses.
        """
        if fixed := self._answers.fixed_words('CALENDLY_LINK'):
            raise Refused(fixed)
        offer = self._answers.offer
        async with self._answers.hold.working(), scheduling_of(self._answers.values) as scheduling:
            with calendly_answers():
                made = await scheduling.event_types.make(name.strip() or offer.name, offer.minutes)
            await self._answers.keep({'CALENDLY_LINK': made.link})
        return made

    async def plan_subscription(self) -> Plan:
        """Plan a subscription at Calendly whose key is known; returns what is done at the end.

        Raises:
            Refused: Calendly refuses; the shop also works without.
        """
        if fixed := self._answers.fixed_words(SIGNING_KEY):
            return Plan(makes=False, deletes=(), words=fixed)
        async with scheduling_of(self._answers.values) as scheduling:
            with calendly_answers(may_skip=True):
                plan = await self._plan(scheduling)
                await scheduling.subscriptions.try_to_write()
        key = self._answers.values.get(SIGNING_KEY, '') or secrets.token_urlsafe(32)
        await self._answers.plan(webhooks.SUBSCRIPTION, SIGNING_KEY, key)
        return plan

    async def read_plan(self) -> Plan | None:
        """Return what becomes of the subscription at the end; None where none was planned.

        Raises:
            Refused: Calendly refuses, or does not answer.
        """
        if not self._answers.is_planned(webhooks.SUBSCRIPTION):
            return None
        async with scheduling_of(self._answers.values) as scheduling:
            with calendly_answers():
                return await self._plan(scheduling)

    async def carry_out(self, plan: Plan) -> None:
        """Replace the subscription; its key is among the settings already.

        Raises:
            Refused: Calendly refuses, or does not answer; another set-up goes on there.
        """
        values = self._answers.values
        async with scheduling_of(values) as scheduling:
            with calendly_answers():
                for uri in plan.deletes:
                    await scheduling.subscriptions.delete(uri)
                if plan.makes:
                    key = webhooks.each_of(values[SIGNING_KEY])[0]
                    made = await scheduling.subscriptions.make(key)
                    await self._answers.write_down(webhooks.SUBSCRIPTION, made.uri, key)

    async def skip_subscription(self) -> None:
        """Make no subscription; without a key among the settings, bookings are read from Calendly."""
        known = self._answers.existing.get(SIGNING_KEY, '')
        await self._answers.leave_out(webhooks.SUBSCRIPTION, SIGNING_KEY, known)

    async def _plan(self, scheduling: Scheduling) -> Plan:
        key = self._answers.values.get(SIGNING_KEY, '')
        return await webhooks.plan_subscription(scheduling, self._answers.made, key)
