"""How a cloud says no."""

from __future__ import annotations


class ApiError(Exception):
    """The cloud refuses, in its own words. `status` is HTTP's; Tencent answers 200 whatever it is.

    `fixed_status`: the reply has this HTTP status on both clouds.
    """

    def __init__(self, code: str, message: str, status: int = 400, *, fixed_status: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status
        self.fixed_status = fixed_status
