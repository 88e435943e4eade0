"""SCF's functions by region and name, and their states during a change.

Sources: https://cloud.tencent.com/document/product/583/115197 (nine states); the Terraform provider tencentcloudstack
@f6970a9, service_tencentcloud_scf.go:344 (it repeats a deletion until it is over) and :641 (a pause after Active).

Claims: D5, D6, D7, D14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.cloud.functions.host import DeployedFunction
from tests.cloud.state.world import World
from tests.cloud.wire.service import ApiError, Call

_FAILED = {"Creating": "CreateFailed", "Updating": "UpdateFailed", "Deleting": "DeleteFailed"}
_REASON = {"ErrorCode": "InternalError.System", "ErrorMessage": "A free text, which may name what nobody should read."}


@dataclass
class FunctionRecord:
    """A function as SCF's API shows it; `host` runs it. Times are in epoch seconds of the world."""

    host: DeployedFunction
    configuration: dict[str, Any]
    tags: list[dict[str, str]]
    size: int
    sha256: str
    number: int
    ttl_s: int = 21_600
    added: str = ""
    made_at: float = 0.0
    busy: str = "Creating"
    changed_at: float = 0.0
    busy_until: float = 0.0
    before: str = ""
    """The status before the present change; empty while the function is created."""
    failed: bool = False
    reserved_mb: int | None = None
    """The memory that is reserved for all its instances together; None: no reservation."""
    reserved_before_mb: int | None = None
    reserved_at: float = 0.0


class FunctionTable:
    """All functions. A status and tags show after some time. For as long, a change right after Active is refused."""

    def __init__(self, world: World, now: Callable[[], float]) -> None:
        self._now = now
        self.begin(world)

    def begin(self, world: World) -> None:
        """Delete every function."""
        self.world = world
        self._records: dict[tuple[str, str], FunctionRecord] = {}

    def add(self, record: FunctionRecord, *, fails: bool) -> None:
        """Add a function that is being created."""
        spec = record.host.spec
        self._records[spec.region, spec.name] = record
        record.made_at = self._now()
        self.hold(record, "Creating", fails=fails)
        record.before = ""

    def every(self, region: str | None = None) -> list[FunctionRecord]:
        """The functions that a list shows, of one region or of all."""
        found = [one for place in list(self._records) if (one := self._there(*place)) and not self._hidden(one)]
        return [one for one in found if region in (None, one.host.spec.region)]

    def takes_name(self, given: Mapping[str, Any], call: Call) -> bool:
        """Whether a name is in use."""
        return self._named(given, call) is not None

    def found(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        """The function. Raises: ApiError."""
        record = self._named(given, call)
        if record is None or self._hidden(record):
            raise ApiError("ResourceNotFound.Function", "The function does not exist.")
        return record

    def running(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        """A function that can accept events. Raises: ApiError."""
        record = self.found(given, call)
        if self.status(record) not in ("Active", "UpdateFailed", "DeleteFailed"):
            raise _not_now()
        return record

    def changeable(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        """A function that can accept a change. Raises: ApiError."""
        record = self.running(given, call)
        self._check_rested(record)
        return record

    def deletable(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        """A function that may be deleted. Its creation may have failed. Raises: ApiError."""
        record = self.found(given, call)
        if self.status(record) != "CreateFailed":
            self.running(given, call)
        self._check_rested(record)
        return record

    def hold(self, record: FunctionRecord, busy: str, *, fails: bool = False) -> None:
        """Begin a change. It ends by itself."""
        record.before = self.status(record)
        record.busy, record.changed_at, record.failed = busy, self._now(), fails
        record.busy_until = record.changed_at + self.world.active_s

    def status(self, record: FunctionRecord) -> str:
        """The status of a function."""
        if self._now() < record.busy_until:
            return record.busy
        return _FAILED[record.busy] if record.failed else "Active"

    def shown(self, record: FunctionRecord) -> dict[str, Any]:
        """The state and tags as GetFunction shows them."""
        lag = self.world.planes_lag_s
        status = self.status(record)
        if record.before and self._now() < record.changed_at + lag:
            status = record.before
        tagged = self.world.holds("D7") and self._now() >= record.made_at + lag
        return {
            "Status": status,
            "StatusReasons": [_REASON] if status.endswith("Failed") else [],
            "Tags": record.tags if tagged else [],
        }

    def _check_rested(self, record: FunctionRecord) -> None:
        if self.world.holds("D6") and self._now() < record.busy_until + self.world.planes_lag_s:
            raise _not_now()

    def _hidden(self, record: FunctionRecord) -> bool:
        """Whether a deletion hides the function. Its name stays in use until the deletion is over."""
        return record.busy == "Deleting" and not record.failed and not self.world.holds("D5")

    def _named(self, given: Mapping[str, Any], call: Call) -> FunctionRecord | None:
        if given.get("Namespace", "default") != "default" or given.get("Qualifier", "$LATEST") not in (
            "$LATEST",
            "$DEFAULT",
        ):
            raise ApiError("ResourceNotFound.Namespace", "The stand-in has the namespace default and version $LATEST.")
        return self._there(call.region or "", given["FunctionName"])

    def _there(self, region: str, name: str) -> FunctionRecord | None:
        record = self._records.get((region, name))
        if record and record.busy == "Deleting" and not record.failed and self._now() >= record.busy_until:
            del self._records[region, name]
            return None
        return record


def _not_now() -> ApiError:
    return ApiError("FailedOperation.FunctionStatusError", "The function's state does not allow this.")
