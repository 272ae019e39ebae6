"""The two webhook settings take several values, with commas in between."""

import pytest

from services.settings import Settings, SettingsError, parse_settings

TEST = {
    'STRIPE_SECRET_KEY': 'sk_test_1',
    'STRIPE_PRICE_ID': 'price_1',
    'CALENDLY_LINK': 'https://calendly.com/coach/session',
}


def secrets_of(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the secrets of both senders."""
    return settings.stripe_webhook_secret, settings.calendly_webhook_signing_key


@pytest.mark.parametrize(
    ('text', 'values'),
    [
        ('', ()),
        ('whsec_a', ('whsec_a',)),
        ('whsec_a,whsec_b', ('whsec_a', 'whsec_b')),
        (' "whsec_a , whsec_b," ', ('whsec_a', 'whsec_b')),
    ],
)
def test_values_are_separated_by_commas(text: str, values: tuple[str, ...]) -> None:
    """White space and a comma too many do no harm."""
    names = ('STRIPE_WEBHOOK_SECRET', 'CALENDLY_WEBHOOK_SIGNING_KEY')
    settings = parse_settings(TEST | dict.fromkeys(names, text))
    assert secrets_of(settings) == (values, values)
    assert 'whsec_a' not in repr(settings)


@pytest.mark.parametrize('text', ['whsec_a,sk_test_secret', 'whsec_a whsec_b', 'whsec_,whsec_a'])
def test_one_wrong_value_is_refused_without_being_printed(text: str) -> None:
    """Each of the values must look right."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(TEST | {'STRIPE_WEBHOOK_SECRET': text})
    (problem,) = caught.value.problems
    assert problem.startswith('STRIPE_WEBHOOK_SECRET does not look right')
    assert not any(part in problem for part in ('whsec_a', 'sk_test_secret'))


def test_a_comma_alone_is_refused() -> None:
    """It would start a shop whose endpoint does not exist, although a live key needs one."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(TEST | {'STRIPE_WEBHOOK_SECRET': ' , '})
    assert 'STRIPE_WEBHOOK_SECRET has no value' in caught.value.problems[0]
