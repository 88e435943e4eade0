"""SCF's functions by region and name, and the states that a change takes them through.

Sources: https://cloud.tencent.com/document/product/583/115197 (nine states); the Terraform provider tencentcloudstack
@f6970a9, service_tencentcloud_scf.go:344 (a deletion is asked for until it is over) and :641 (a pause after Active).

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
    """A function as its API shows it; `host` runs it. Times are in epoch seconds of the world."""

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
    """What it showed before the change that is under way; nothing while it is made."""
    failed: bool = False
    reserved_mb: int | None = None
    """Of memory, for its instances together; None: what the account has."""
    reserved_before_mb: int | None = None
    reserved_at: float = 0.0


class FunctionTable:
    """What is there. A status and tags show some time late; a change right after Active is refused for as long."""

    def __init__(self, world: World, now: Callable[[], float]) -> None:
        self._now = now
        self.begin(world)

    def begin(self, world: World) -> None:
        """Nothing is there."""
        self.world = world
        self._records: dict[tuple[str, str], FunctionRecord] = {}

    def add(self, record: FunctionRecord, *, fails: bool) -> None:
        """One that is being made."""
        spec = record.host.spec
        self._records[spec.region, spec.name] = record
        record.made_at = self._now()
        self.hold(record, "Creating", fails=fails)
        record.before = ""

    def every(self, region: str | None = None) -> list[FunctionRecord]:
        """Those that a list shows, of one region or of all."""
        found = [one for place in list(self._records) if (one := self._there(*place)) and not self._hidden(one)]
        return [one for one in found if region in (None, one.host.spec.region)]

    def takes_name(self, given: Mapping[str, Any], call: Call) -> bool:
        """Whether a name is in use."""
        return self._named(given, call) is not None

    def found(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        """Raises: ApiError."""
        record = self._named(given, call)
        if record is None or self._hidden(record):
            raise ApiError("ResourceNotFound.Function", "The function does not exist.")
        return record

    def running(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        """One that takes events. Raises: ApiError."""
        record = self.found(given, call)
        if self.status(record) not in ("Active", "UpdateFailed", "DeleteFailed"):
            raise _not_now()
        return record

    def changeable(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        """One that takes a change. Raises: ApiError."""
        record = self.running(given, call)
        self._check_rested(record)
        return record

    def deletable(self, given: Mapping[str, Any], call: Call) -> FunctionRecord:
        """One that may be deleted: one whose creation failed, too. Raises: ApiError."""
        record = self.found(given, call)
        if self.status(record) != "CreateFailed":
            self.running(given, call)
        self._check_rested(record)
        return record

    def hold(self, record: FunctionRecord, busy: str, *, fails: bool = False) -> None:
        """A change begins, which ends by itself."""
        record.before = self.status(record)
        record.busy, record.changed_at, record.failed = busy, self._now(), fails
        record.busy_until = record.changed_at + self.world.active_s

    def status(self, record: FunctionRecord) -> str:
        """In which state it is."""
        if self._now() < record.busy_until:
            return record.busy
        return _FAILED[record.busy] if record.failed else "Active"

    def shown(self, record: FunctionRecord) -> dict[str, Any]:
        """Its state and tags as GetFunction shows them."""
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
        """Where a deletion is not shown, the name is in use until it is over all the same."""
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
