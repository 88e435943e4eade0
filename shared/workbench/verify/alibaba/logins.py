"""Where an instance listens, whether it speaks TLS, and how clients log in. These checks change nothing."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass

from shared.workbench.verify.alibaba.desk import AlibabaCheck, AlibabaDesk, Said, said
from shared.workbench.verify.alibaba.tair import TairAccount, sandbox_account
from shared.workbench.verify.check import Untried, WrongPassword, made_up_password
from shared.workbench.verify.findings import Differs, Finding, Holds

_NEARBY_S, _SLOW_S = 3.0, 20.0
_OUTSIDE = "no connection to the instance's private address: run verify inside the network"
_NO_TLS = "IncorrectEngineVersion"


@dataclass(frozen=True)
class Place:
    """What the API says of an instance's address."""

    host: str
    port: int
    version: str
    addresses: tuple[str, ...]
    ssl_look_up: Said
    has_tls: bool


def _place(desk: AlibabaDesk) -> Place:
    part = desk.need(desk.sandbox.tair, "tair")
    found = TairAccount(desk.api, part.instance, part.account).attributes()
    host, port = str(found.get("ConnectionDomain") or ""), int(found.get("Port") or 0)
    status: dict[str, str] = {}
    query = {"InstanceId": part.instance}
    looked = said(lambda: status.update(desk.api.call("r-kvstore", "DescribeInstanceSSL", query)))
    try:
        addresses = {str(one[4][0]) for one in socket.getaddrinfo(host, port)} if host else set[str]()
    except OSError:
        addresses = set[str]()
    version, has_tls = str(found.get("EngineVersion") or ""), status.get("SSLEnabled") == "Enable"
    return Place(host, port, version, tuple(sorted(addresses)), looked, has_tls)


def _connect(desk: AlibabaDesk, place: Place) -> socket.socket:
    """Connect once. Raises: Untried: this machine cannot reach the address; ConnectionRefusedError."""
    try:
        plain = socket.create_connection((place.host, place.port), timeout=_SLOW_S if desk.slow else _NEARBY_S)
        if not place.has_tls:
            return plain
        context = ssl.create_default_context()  # the vendor's own authority signs; no machine trusts it by default
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname=place.host)
    except ConnectionRefusedError:
        raise
    except OSError:
        raise Untried(_OUTSIDE) from None


def _address(desk: AlibabaDesk) -> Finding:
    place = desk.once(_place)
    expected = "a private address at which the instance answers"
    private = place.addresses and all(ipaddress.ip_address(one).is_private for one in place.addresses)
    if not private or not place.port:
        kind = "a public address" if place.addresses else "a name without an address"
        return Differs(expected, f"{kind}, port {place.port}")
    try:
        _connect(desk, place).close()
    except ConnectionRefusedError:
        return Differs(expected, f"a private address where nobody listens, port {place.port}")
    return Holds(f"a private address that answers at port {place.port}")


def _tls(desk: AlibabaDesk) -> Finding:
    place = desk.once(_place)
    told = f"the look-up of TLS on an engine of {place.version}: {place.ssl_look_up}"
    if not place.ssl_look_up.taken and place.ssl_look_up.code != _NO_TLS:
        return Differs(f"an answer, or {_NO_TLS} on an engine without TLS", told)
    if not place.ssl_look_up.taken and float(place.version or 0) >= 6:
        return Differs("an answer, since engines of 6.0 and later have TLS", told)
    return Holds(told)


def _forms(desk: AlibabaDesk) -> Finding:
    place = desk.once(_place)
    account, password, variable = sandbox_account(desk)
    forms = {"name:password": (account.account + ":{}",), "two words": (account.account, "{}")}
    if float(place.version or 0) < 6:
        del forms["two words"]
    if account.account in ("default", account.instance):
        forms["the password alone"] = ("{}",)
    try:
        answers = {
            name: (_auth(desk, place, words, made_up_password()), _auth(desk, place, words, password))
            for name, words in forms.items()
        }
    except ConnectionRefusedError:
        raise Untried(_OUTSIDE) from None
    if not any(right for _, right in answers.values()):
        raise WrongPassword(variable)
    told = "; ".join(
        f"{name}: a wrong password {_word(wrong)}, the right one {_word(right)}"
        for name, (wrong, right) in answers.items()
    )
    as_expected = all(right and not wrong for wrong, right in answers.values())
    return (
        Holds(told)
        if as_expected
        else Differs("a wrong password is refused in every form, the right one accepted", told)
    )


def _word(taken: bool) -> str:
    return "accepted" if taken else "refused"


def _auth(desk: AlibabaDesk, place: Place, words: tuple[str, ...], password: str) -> bool:
    """Whether a login on a separate connection succeeds. Raises: Untried, ConnectionRefusedError."""
    arguments = [b"AUTH", *(word.format(password).encode() for word in words)]
    request = b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%s\r\n" % (len(one), one) for one in arguments)
    with _connect(desk, place) as connection:
        try:
            connection.sendall(request)
            return connection.recv(512).startswith(b"+OK")
        except OSError:
            raise Untried(_OUTSIDE) from None


CHECKS: tuple[AlibabaCheck, ...] = (AlibabaCheck("W5", _address), AlibabaCheck("W6", _tls), AlibabaCheck("A8", _forms))
