"""Finding orders again: who has paid types the e-mail address, and the links go to that address."""

from services.errors import InvalidEmail
from services.ledger import Ledger
from services.orders import parse_email
from services.rate_limit import AddressLimit, RateLimit


class FindOrders:
    """Takes requests for the links of an address; nothing here tells whether it has any orders."""

    def __init__(self, ledger: Ledger, *, rate_limit: RateLimit, address_limit: AddressLimit) -> None:
        """Make it.

        Args:
            ledger: keeps the requests until the mails are sent.
            rate_limit: how often clients may ask.
            address_limit: how often mail may go to one address.
        """
        self._ledger = ledger
        self._rate_limit = rate_limit
        self._address_limit = address_limit

    async def request_links(self, typed: str, *, client_ip: str = '', known_browser: bool = False) -> None:
        """Have the links of an address's orders mailed to it.

        The same is done whether there are any: the orders are looked up when the mail is sent. Above the
        limit of the address nothing is sent, which is not said either.

        Args:
            typed: the address as somebody has typed it.
            client_ip: the address of the browser, for the rate limit.
            known_browser: it brought back the cookie that an earlier page has set.

        Raises:
            InvalidEmail: it is no e-mail address.
            TooManyRequests: this client asks too often.
        """
        await self._rate_limit.admit(client_ip, known=known_browser)
        try:
            email = parse_email(typed)
        except ValueError as error:
            raise InvalidEmail from error
        if await self._address_limit.admits(email):
            await self._ledger.mails.send_links(email)
