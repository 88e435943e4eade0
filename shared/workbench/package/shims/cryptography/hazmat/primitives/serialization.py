"""See cryptography."""

from __future__ import annotations

from typing import Any, NoReturn


def load_pem_private_key(*_given: Any, **_named: Any) -> NoReturn:
    """Raises: RuntimeError."""
    raise RuntimeError("cryptography is not in this package: only RSA signatures need it (load_pem_private_key)")
