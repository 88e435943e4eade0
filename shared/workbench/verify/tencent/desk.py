"""The desk of Tencent's checks."""

from __future__ import annotations

from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.check import Check, Desk
from shared.workbench.verify.sandbox import TencentSandbox

TencentDesk = Desk[TencentApi, TencentSandbox]
TencentCheck = Check[TencentDesk]
