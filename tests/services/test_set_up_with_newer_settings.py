"""A set-up that was broken off, and settings that somebody has changed since."""

import asyncio
from pathlib import Path

import pytest

from services.commands.refused import CommandRefused
from services.set_up import Step, opened, webhooks
from services.settings import load
from tests.sandbox_client import SandboxClient
from tests.services.set_up import TAKE, Operator, answers, endpoints, set_up

MINE = 'whsec_myownsecretMINE'


class Gone(Operator):
    """An operator whose terminal ends at the last step."""

    def ask(self, question: str, *, known: str = '', secret: bool = False) -> str:
        """Answer until the password is asked for."""
        if question.startswith('Password'):
            raise CommandRefused('nobody answers')
        return super().ask(question, known=known, secret=secret)


@pytest.mark.parametrize('goes_on', [True, False])
def test_a_secret_that_was_added_meanwhile_stays(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, goes_on: bool
) -> None:
    """After a yes and after a no; the preview shows each secret of a list, and the endpoint is found."""
    set_up(environ, env_file, Operator(answers(sandbox)))
    (secret,) = load(environ, env_file).stripe_webhook_secret
    env_file.write_text(env_file.read_text().replace(secret, f'whsec_ofTheOlderOneOLDR,{secret}'))
    before = endpoints(sandbox)
    with pytest.raises(CommandRefused):
        set_up(environ, env_file, Gone(answers(sandbox)))
    env_file.write_text(env_file.read_text().replace(secret, f'{secret},{MINE}'))
    said = set_up(environ, env_file, Operator(refuses='\0' if goes_on else 'A set-up was broken off'))
    assert load(environ, env_file).stripe_webhook_secret == ('whsec_ofTheOlderOneOLDR', secret, MINE)
    assert 'Nothing changes.' in said
    assert endpoints(sandbox) == before


async def test_an_answer_that_is_older_than_its_setting_is_given_again(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """And those that depend on it; the others stay, also in the set-up after that."""
    async with opened(environ, env_file) as s:
        for step in list(TAKE)[:-1]:
            await TAKE[step](s, sandbox)
        assert s.answers.step is Step.WRITE
    _write(env_file, '\n'.join([*_lines(env_file), 'DOMAIN=https://newer.example']))
    for _ in range(2):
        async with opened(environ, env_file) as s:
            assert s.answers.values['DOMAIN'] == 'https://newer.example'
            assert s.answers.step is Step.ADDRESS
            assert not s.answers.is_taken(Step.PAYMENTS_WEBHOOK)
            assert s.answers.is_taken(Step.EVENT_TYPE)
    async with opened(environ, env_file) as s:
        await s.use_domain('')
    async with opened(environ, env_file) as s:
        assert (s.answers.step, s.answers.is_taken(Step.PASSWORD)) == (Step.PAYMENTS_WEBHOOK, True)


async def test_a_no_does_not_lose_the_secret_of_an_endpoint_that_was_made(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died before the settings were written: only the answers had it; a patch is that death."""

    async def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    await asyncio.to_thread(set_up, environ, env_file, Operator(answers(sandbox)))
    _write(env_file, '\n'.join(each for each in _lines(env_file) if not each.startswith('STRIPE_WEBHOOK')))
    async with opened(environ, env_file) as s:
        for step in list(TAKE)[:-1]:
            await TAKE[step](s, sandbox)
        with monkeypatch.context() as patch:
            patch.setattr(type(s), '_write_settings', die)
            with pytest.raises(KeyboardInterrupt):
                await TAKE[Step.WRITE](s, sandbox)
    (made,) = (each for each in endpoints(sandbox) if each['id'] in s.answers.made['endpoint'])
    async with opened(environ, env_file) as s:
        await s.answers.forget()
        assert not s.answers.is_taken(Step.ADDRESS)
        for take in TAKE.values():
            await take(s, sandbox)
    assert [each['id'] for each in endpoints(sandbox)] == [made['id']]
    settings = load(environ, env_file)
    assert settings.stripe_webhook_secret == (sandbox.state()['webhook_secrets'][made['id']],)


async def test_a_secret_that_was_added_and_one_that_was_made_are_both_kept(
    environ: dict[str, str], env_file: Path, sandbox: SandboxClient
) -> None:
    """What somebody has removed from the setting meanwhile does not come back."""
    name = 'STRIPE_WEBHOOK_SECRET'
    _write(env_file, f'{name}=whsec_one,whsec_two')
    async with opened(environ, env_file) as s:
        for step in list(TAKE)[:-1]:
            await TAKE[step](s, sandbox)
        _write(env_file, f'{name}=whsec_two,{MINE}')
        assert await s.problems() == []
        assert s.answers.step is Step.WRITE
        await TAKE[Step.WRITE](s, sandbox)
        new = webhooks.each_of(s.answers.existing[name])[0]
    assert load(environ, env_file).stripe_webhook_secret == (new, 'whsec_two', MINE)
    assert new in sandbox.state()['webhook_secrets'].values()


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def _write(file: Path, text: str) -> None:
    file.write_text(f'{text}\n')
