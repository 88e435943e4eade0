"""Whether a function runs the local zip: its description names the zip, and its platform reports a digest of its own.

FC reports the CRC-64 of the zip (`codeChecksum`), in decimal: CRC-64/XZ, as the vendor's own deployer reckons it
(devsapp/fc3@4ca1c1b, src/utils/index.ts). SCF reports `CodeSha256` (GetFunctionAddress); that it is of the zip, in hex,
is assumed. A platform that reports nothing, or something of another form, is not asked further.

Claims: D16, E9.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from sys import byteorder

from shared.workbench.deploy.control_plane import ControlPlane, Package
from shared.workbench.deploy.plan import FunctionState

_POLYNOMIAL = 0xC96C5795D7870F42  # ECMA-182, bits reversed
_ONES = 2**64 - 1


@dataclass(frozen=True)
class CheckedCode:
    """What was read, with no digest believed that its platform contradicts, and a note for each of those."""

    functions: list[FunctionState]
    notes: tuple[str, ...]


def check_code(plane: ControlPlane, found: Iterable[FunctionState], packages: Mapping[str, Package]) -> CheckedCode:
    """Ask the platform about each function whose description names the local zip. Raises: CallFailed."""
    found = tuple(found)
    others = running_others(plane, found, packages)
    text = "its platform reports other code than its description names: deploy puts it back"
    functions = [replace(one, code="") if one.name in others else one for one in found]
    return CheckedCode(functions, tuple(f"{name}: {text}" for name in others))


def running_others(plane: ControlPlane, found: Iterable[FunctionState], packages: Mapping[str, Package]) -> list[str]:
    """Those whose description names the local zip, and whose platform reports other code. Raises: CallFailed."""
    return [
        one.name
        for one in found
        if (package := packages.get(one.name))
        and one.code == package.digest
        and is_of(plane.reported_digest(one.name), package.path.read_bytes()) is False
    ]


def is_of(reported: str, data: bytes) -> bool | None:
    """Whether a reported digest is that of a zip; None if it is none that can be compared."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", reported):
        return reported.lower() == hashlib.sha256(data).hexdigest()
    if re.fullmatch(r"[0-9]{1,20}", reported):
        return int(reported) == crc64(data)
    return None


def crc64(data: bytes) -> int:
    """CRC-64/XZ."""
    one_byte, two_bytes = _tables()
    even = len(data) & ~1
    pairs = array("H", data[:even])
    if byteorder == "big":
        pairs.byteswap()
    crc = _ONES
    for pair in pairs:
        crc = two_bytes[(crc ^ pair) & 0xFFFF] ^ (crc >> 16)
    for byte in data[even:]:
        crc = one_byte[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ _ONES


@lru_cache(maxsize=1)
def _tables() -> tuple[list[int], list[int]]:
    """What one byte and what two bytes make of the remainder."""
    one = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        one.append(value)
    two = [one[(one[pair & 0xFF] ^ pair >> 8) & 0xFF] ^ one[pair & 0xFF] >> 8 for pair in range(65536)]
    return one, two
