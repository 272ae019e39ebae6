"""The endpoint for Prometheus, which answers only this machine and the operator's own networks."""

import ipaddress

from fastapi import APIRouter, HTTPException, Request, Response

from services.endpoints.errors import NO_STORE
from services.metrics import CONTENT_TYPE, Metrics

LOOPBACK = '127.0.0.0/8', '::1/128'
FORWARDED = ('forwarded', 'x-forwarded-', 'x-real-ip', 'via')
"""Headers that proxies add to a request, by the beginnings of their names."""


def metrics_router(metrics: Metrics, *, trusted: str) -> APIRouter:
    """Make GET /metrics.

    Args:
        metrics: the counters.
        trusted: IP addresses and networks, with commas in between, that may read them besides this machine. A
            request that came through a proxy is answered 404, whoever sent it.
    """
    router = APIRouter()
    networks = [ipaddress.ip_network(part) for part in (*LOOPBACK, *trusted.split(','))]

    @router.get('/metrics')
    async def read_metrics(request: Request) -> Response:
        """Write the counters in Prometheus' text format."""
        client_ip = request.client.host if request.client else ''
        forwarded = any(name.startswith(FORWARDED) for name in request.headers)
        if forwarded or not _lies_in(client_ip, networks):
            raise HTTPException(404)
        return Response(metrics.text(), headers=NO_STORE | {'Content-Type': CONTENT_TYPE})

    return router


def _lies_in(client_ip: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        ip = ipaddress.ip_address(client_ip)
    except ValueError:
        return False
    if ip.version == 6:
        ip = ip.ipv4_mapped or ip
    return any(ip in network for network in networks)
