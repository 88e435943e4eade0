"""The desk of Alibaba's checks."""

from __future__ import annotations

from shared.workbench.verify.apis import AlibabaApi
from shared.workbench.verify.check import Check, Desk
from shared.workbench.verify.sandbox import AlibabaSandbox

AlibabaDesk = Desk[AlibabaApi, AlibabaSandbox]
AlibabaCheck = Check[AlibabaDesk]
