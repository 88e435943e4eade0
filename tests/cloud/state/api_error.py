"""How a cloud says no."""

from __future__ import annotations


class ApiError(Exception):
    """The cloud refuses, in its own words. `status` is HTTP's; Tencent answers 200 whatever it is.

    `whatever`: the reply has this HTTP status on both clouds.
    """

    def __init__(self, code: str, message: str, status: int = 400, *, whatever: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status
        self.whatever = whatever
