"""Which hosts are this machine's own: plain HTTP and plain AMQP go nowhere else."""

from __future__ import annotations


def is_loopback(host: str | None) -> bool:
    """Whether a host is `localhost` or a loopback address. A name that only begins like one is not."""
    if not host:
        return False
    import ipaddress

    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
