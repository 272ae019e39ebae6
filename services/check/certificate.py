"""The certificate of DOMAIN, in words: expired, of another name, self-signed, soon to end."""

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.check.finding import Finding, warning, wrong

SOON = timedelta(days=14)
EXPIRED, NOT_YET, SELF_SIGNED, SELF_SIGNED_CHAIN, NO_ISSUER, OTHER_NAME = 10, 9, 18, 19, 20, 62
"""How OpenSSL numbers what is wrong with a certificate (openssl-verification-options)."""
RENEW = 'Renew it; Caddy does so by itself, certbot with: certbot renew. Then reload the proxy.'
REAL = (
    "Get a certificate from an authority that browsers know, such as Let's Encrypt; Caddy does so by itself."
)
PROBLEMS = {
    EXPIRED: ('the certificate of {} has expired: browsers refuse the shop', RENEW),
    NOT_YET: ('the certificate of {} is not valid yet', 'Set the clock of this machine or of the proxy.'),
    SELF_SIGNED: ('the certificate of {} is self-signed: browsers refuse the shop', REAL),
    SELF_SIGNED_CHAIN: ('the certificate of {} is signed by an authority that browsers do not know', REAL),
    NO_ISSUER: ('the certificate of {} comes without its chain, or from an unknown authority', REAL),
    OTHER_NAME: (
        'the certificate is for another name than {}',
        'Get a certificate for this name, or set DOMAIN to the name that the certificate has.',
    ),
}


def problem_of_certificate(error: Exception, domain: str, part: str) -> Finding | None:
    """Return what is wrong with the certificate; None where an error says nothing about it.

    Args:
        error: why a request by https failed.
        domain: the shop's address.
        part: the name of the part.
    """
    for cause in causes_of(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            otherwise = (f'browsers refuse the certificate of {{}}: {cause.verify_message}', REAL)
            text, remedy = PROBLEMS.get(cause.verify_code, otherwise)
            return wrong(part, text.format(domain), remedy)
        if isinstance(cause, ssl.SSLError):
            text = f'{domain} does not speak https: {cause.reason or "the handshake failed"}'
            return wrong(part, text, 'Let the proxy answer by https on this port, with a certificate.')
    return None


def certificate_of(answer: httpx.Response) -> Mapping[str, Any]:
    """Return the certificate that came with an answer, which must not be closed yet; {} without https."""
    stream = answer.extensions.get('network_stream')
    connection = stream.get_extra_info('ssl_object') if stream else None
    return (connection.getpeercert() or {}) if connection else {}


def check_end(certificate: Mapping[str, Any], part: str, *, now: datetime) -> list[Finding]:
    """Warn if a certificate ends soon: by then it should have been renewed, however short its life is.

    Args:
        certificate: as Python's ``getpeercert`` describes it.
        part: the name of the part.
        now: the present time in UTC.
    """
    times = [certificate.get(name) for name in ('notBefore', 'notAfter')]
    if not all(times):
        return []
    begins, ends = (datetime.fromtimestamp(ssl.cert_time_to_seconds(str(time)), UTC) for time in times)
    if ends - now > min(SOON, (ends - begins) / 6):
        return []
    return [warning(part, f'the certificate ends at {ends:%Y-%m-%d %H:%M} UTC and was not renewed', RENEW)]


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what caused it, and so on."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
