"""A free port of this machine."""

import socket


def free_port(host: str) -> int:
    """Return a port on which nothing listens at an address of this machine."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
