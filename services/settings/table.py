"""The table of all settings, one row each: how it is parsed, its default, where to find it, what it is for.

`Settings`, the error messages, ``.env.example`` and README's table all follow this table; tests compare them.
"""

from dataclasses import dataclass
from enum import StrEnum

from services.settings import mail, parsers
from services.settings.model import SEED_SITE
from services.settings.parsers import Parser


class Group(StrEnum):
    """The parts of ``.env.example``; settings of the last part are commented out there."""

    REQUIRED = 'Must have'
    RECOMMENDED = 'Recommended (a live key needs the first two)'
    RARE = 'Rarely'


class Needed(StrEnum):
    """When a setting must have a value."""

    YES = 'yes'
    LIVE = 'for live keys'
    NO = 'no'


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: as it stands in the environment; in lower case, the field of `Settings`.
        parse: turns the text into the value.
        help: what it is for, as the comment in ``.env.example`` says it.
        where: where the operator finds the value; completes "Where to find it: …".
        group: the part of ``.env.example``.
        needed: when it must have a value.
        default: the text used when there is none.
        example: what ``.env.example`` shows where the default is not a fixed text.
    """

    name: str
    parse: Parser
    help: str
    where: str
    group: Group = Group.RARE
    needed: Needed = Needed.NO
    default: str = ''
    example: str = ''


SETTINGS = (
    Setting(
        'STRIPE_SECRET_KEY',
        parsers.key(r'(sk|rk)_(test|live)_[\w-]+'),
        help="The key of the shop's Stripe account, or a restricted one.",
        where='Stripe Dashboard > Developers > API keys: it starts with sk_ or rk_',
        group=Group.REQUIRED,
        needed=Needed.YES,
    ),
    Setting(
        'STRIPE_PRICE_ID',
        parsers.key(r'price_[\w-]+'),
        help='What you charge: an active, one-time price.',
        where='Stripe Dashboard > Product catalog > your product > the price: it starts with price_',
        group=Group.REQUIRED,
        needed=Needed.YES,
    ),
    Setting(
        'CALENDLY_LINK',
        parsers.calendly_link,
        help='The event type that your customers book.',
        where='Calendly > Event types > Copy link, such as https://calendly.com/you/session',
        group=Group.REQUIRED,
        needed=Needed.YES,
    ),
    Setting(
        'DOMAIN',
        parsers.domain,
        help='The URL of your shop; it begins with https:// when the Stripe key is live.',
        where='the URL customers type, such as https://coach.example',
        group=Group.RECOMMENDED,
        needed=Needed.LIVE,
        default=f'http://localhost:{parsers.DEFAULT_PORT}',
    ),
    Setting(
        'STRIPE_WEBHOOK_SECRET',
        parsers.keys(r'whsec_[!-~]+'),
        help='Proves that a webhook delivery comes from Stripe; several, with commas, while one rotates.',
        where='Stripe Dashboard > Developers > Webhooks > endpoint: it starts with whsec_',
        group=Group.RECOMMENDED,
        needed=Needed.LIVE,
    ),
    Setting(
        'STRIPE_PUBLISHABLE_KEY',
        parsers.publishable_key,
        help="The public key of the same mode; with it the landing page loads Stripe's script against fraud.",
        where='Stripe Dashboard > Developers > API keys: it starts with pk_',
        group=Group.RECOMMENDED,
    ),
    Setting(
        'CALENDLY_TOKEN',
        parsers.key('[!-~]+'),  # ASCII: it is sent in a header
        help='Gives each paid order a link that books once, reads bookings, and shows the next free times.',
        where='Calendly > Integrations > API and webhooks > Personal access tokens',
        group=Group.RECOMMENDED,
    ),
    Setting(
        'CALENDLY_WEBHOOK_SIGNING_KEY',
        parsers.keys(r'\S+'),
        help='Proves that a webhook delivery comes from Calendly; several, with commas, while one rotates.',
        where='the signing_key you gave when you made the webhook subscription',
        group=Group.RECOMMENDED,
    ),
    Setting(
        'SMTP_URL',
        mail.smtp_server,
        help='The server that sends your mail; without it no mail is sent, and no page promises one.',
        where='your mail provider > SMTP, such as smtp://user:password@smtp.example:587, or smtps and 465',
        group=Group.RECOMMENDED,
    ),
    Setting(
        'MAIL_FROM',
        mail.sender,
        help='The address that mail is sent from; needed with SMTP_URL.',
        where='an address of your own domain that your mail provider lets you send from',
        group=Group.RECOMMENDED,
    ),
    Setting(
        'OPERATOR_EMAIL',
        mail.address,
        help='Who is told by mail what needs a hand; without it nobody is.',
        where='your own e-mail address',
        group=Group.RECOMMENDED,
    ),
    Setting(
        'ADMIN_PASSWORD',
        parsers.password,
        help='Opens /admin, the pages that run the shop; without it they do not exist.',
        where='you make it up: at least 12 characters, best from a password manager',
        group=Group.RECOMMENDED,
    ),
    Setting(
        'HOST',
        parsers.listening,
        help='The IP address to listen on; with 127.0.0.1 only this machine can connect.',
        where="your hosting company's manual; 0.0.0.0 listens on every network, :: on IPv6 as well",
        default='0.0.0.0',  # noqa: S104  # a shop listens to everybody unless HOST says otherwise
    ),
    Setting(
        'PORT',
        parsers.port,
        help='The port to listen on; by default the one in DOMAIN, else 3000.',
        where="your hosting company's manual; a number from 1 to 65535",
        example=str(parsers.DEFAULT_PORT),
    ),
    Setting(
        'DATABASE_URL',
        parsers.database,
        help='Where orders are kept: a file in this folder, or postgresql://user:password@host:5432/name.',
        where='a file you name, such as sqlite:///data/paidslot.db, or your database host > Connect > URI',
        default='sqlite:///data/paidslot.db',
    ),
    Setting(
        'SITE_FILE',
        parsers.path,
        help='The words about your business, and the legal texts; by default those of the shop.',
        where='the path of your site.toml',
        default=str(SEED_SITE),
        example=SEED_SITE.name,
    ),
    Setting(
        'CHECKOUT_HOST',
        parsers.host_name,
        help="Your own host name for Stripe's payment page.",
        where='Stripe Dashboard > Settings > Business > Custom domains, such as pay.coach.example',
    ),
    Setting(
        'STRIPE_JS',
        parsers.switch,
        help="0: the landing page does not load Stripe's script, even with a publishable key.",
        where='you decide; 1 or 0',
        default='1',
    ),
    Setting(
        'ALLOW_TEST_SALES',
        parsers.switch,
        help='1: test keys open the calendar even on a public domain: anybody can book without paying.',
        where='you decide; 1 or 0',
        default='0',
    ),
    Setting(
        'PROMOTION_CODES',
        parsers.switch,
        help='1: customers may type a promotion code.',
        where='you decide; 1 or 0; the codes are made in Stripe Dashboard > Product catalog > Coupons',
        default='0',
    ),
    Setting(
        'AUTOMATIC_TAX',
        parsers.switch,
        help='1: Stripe adds tax.',
        where='you decide; 1 or 0; Stripe Dashboard > Tax needs a registration first',
        default='0',
    ),
    Setting(
        'SLOW_METHODS',
        parsers.switch,
        help='1: also payment methods whose money arrives days later; the calendar opens then.',
        where='you decide; 1 or 0; Stripe Dashboard > Settings > Payment methods lists the methods',
        default='0',
    ),
    Setting(
        'TERMS_CONSENT',
        parsers.switch,
        help='1: customers must accept your terms on the payment page; the order keeps that they did.',
        where='you decide; 1 or 0; Stripe Dashboard > Settings > Public details needs the URL of your terms',
        default='0',
    ),
    Setting(
        'INVOICES',
        parsers.switch,
        help='1: Stripe makes an invoice of each payment; the page of the order links to it.',
        where='you decide; 1 or 0; Stripe charges a fee for each invoice',
        default='0',
    ),
    Setting(
        'RECONCILE_SECONDS',
        parsers.whole_number(most=3600),
        help='How often the orders are compared with Stripe, in seconds.',
        where='you decide; seconds from 1 to 3600; 60 suits most',
        default='60',
    ),
    Setting(
        'TRUSTED_PROXIES',
        parsers.networks,
        help="The proxies whose word about a customer's IP address is believed.",
        where='the IP addresses of your reverse proxy, such as 127.0.0.1,10.0.0.0/8',
        default='127.0.0.1',
    ),
    Setting(
        'LOG_FORMAT',
        parsers.choice('text', 'json'),
        help='The form of the log: text for people, json for machines.',
        where='what your log collector reads: text or json',
        default='text',
    ),
    Setting(
        'LOG_LEVEL',
        parsers.choice('info', 'debug', 'warning', 'error'),
        help='How much is logged.',
        where='you decide; debug, info, warning or error',
        default='info',
    ),
    Setting(
        'STRIPE_API_BASE',
        parsers.api_base,
        help='Another base URL for the Stripe API; never with a live key.',
        where='leave it out, unless you test against the sandbox, which prints this line when it starts',
    ),
    Setting(
        'CALENDLY_API_BASE',
        parsers.api_base,
        help='Another base URL for the Calendly API; never with a live key.',
        where='leave it out, unless you test against the sandbox, which prints this line when it starts',
    ),
)
NAMES = tuple(setting.name for setting in SETTINGS)
