"""A refusal by a cloud."""

from __future__ import annotations


class ApiError(Exception):
    """The cloud refuses a call with its own code. `status` is HTTP's; Tencent answers 200 for every code.

    `fixed_status`: the reply has this HTTP status on both clouds.
    """

    def __init__(self, code: str, message: str, status: int = 400, *, fixed_status: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status
        self.fixed_status = fixed_status
