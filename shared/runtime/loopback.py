"""Which hosts are on this machine. keyturn uses HTTP and AMQP without TLS for these hosts only."""

from __future__ import annotations


def is_loopback(host: str | None) -> bool:
    """Whether a host is `localhost` or a loopback address. A name that only begins like one of them is not."""
    if not host:
        return False
    import ipaddress

    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
