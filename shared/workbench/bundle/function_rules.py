"""The platforms' rules about one function: its name, handler, size, role, environment and log place.

Limits: SCF https://www.tencentcloud.com/document/product/583/11637 and CreateFunction (2018-04-16); FC
https://www.alibabacloud.com/help/en/functioncompute/fc/product-overview/limits and CreateFunction (2023-03-30).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic.alias_generators import to_camel

from shared.runtime.errors import SettingsError
from shared.runtime.queue_urls import check_url
from shared.runtime.regions import regions_of
from shared.runtime.settings import read_settings
from shared.runtime.spelling import meant
from shared.workbench.bundle import description as d
from shared.workbench.bundle.form import FunctionForm, LogsForm, NetworkForm
from shared.workbench.bundle.function_files import globals_of
from shared.workbench.bundle.mistakes import Mistakes

_NAMES = {
    "tencent": re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]"),
    "alibaba": re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}"),
}
# SCF: 2 to 60 characters, a letter first and last, for both parts of a handler.
_HANDLER = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z])\.([A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z])")
_ROLES = {
    "tencent": (re.compile(r"[A-Za-z0-9+=,.@_-]{1,128}"), "the name of a CAM role"),
    "alibaba": (re.compile(r"acs:ram::[0-9]{1,32}:role/[A-Za-z0-9.-]{1,64}"), "an ARN, acs:ram::<account>:role/<name>"),
}
_RUNTIMES = {"tencent": ("Python3.10",), "alibaba": ("python3.10", "python3.12")}
_MOST_S = {"tencent": 900, "alibaba": 86_400}
_MOST_RETRIES = {"tencent": 2, "alibaba": 8}
_RESERVED = ("FC_", "_FC_", "SCF_", "_SCF_", "TENCENTCLOUD_", "QCLOUD_", "ALIBABA_CLOUD_")
_ENVIRONMENT_BYTES = 4096
_CA_FILE = "KEYTURN_CA_FILE"
_TOO_FEW_INSTANCES = (
    "must be 1 or more, because 0 would stop the function. Without the line, `deploy` sets no limit on new functions"
    " and leaves a limit that is already there: take that one away in the console"
)
_MOST_KEYS_BYTES = len("KEYTURN_HANDOFF_KEY") + 2 * 43 + 1
# A dead letter holds the event, and a destination holds the event and the reply. Both may hold a secret. The events and
# replies of these functions hold none.
_WITHOUT_SECRETS = ("follow_change", "plan_rotation")
# The two parts of a log place, and the form of each. CLS ids are UUIDs, as in its API's examples (614/101967). Names of
# projects and Logstores have 3 to 63 characters (help document 29056).
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LOGS = {
    "tencent": {
        "logset": (_UUID, "the id of a CLS log set, not its name"),
        "topic": (_UUID, "the id of a CLS log topic, not its name"),
    },
    "alibaba": {
        "project": (re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"), "the name of an SLS project"),
        "logstore": (re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]"), "the name of a Logstore"),
    },
}
_NO_GROUP = re.compile("")
# As in the APIs' examples: VpcConfig of SCF (2018-04-16), VPCConfig of FC (2023-03-30).
_NETWORK = {
    "tencent": {
        "vpc": (re.compile(r"vpc-[a-z0-9]{4,20}"), "must be a VPC's id, vpc-..."),
        "subnet": (re.compile(r"subnet-[a-z0-9]{4,20}"), "must be one subnet's id, subnet-..."),
        "security_group": (_NO_GROUP, "scf has none"),
    },
    "alibaba": {
        "vpc": (re.compile(r"vpc-[a-z0-9]{4,40}"), "must be a VPC's id, vpc-..."),
        "subnet": (re.compile(r"vsw-[a-z0-9]{4,40}( *, *vsw-[a-z0-9]{4,40})*"), "must be ids of vSwitches, vsw-..."),
        "security_group": (re.compile(r"sg-[a-z0-9]{4,40}"), "must be a security group's id, sg-..."),
    },
}
_ZIP_MB = {"tencent": 50.0, "alibaba": 100.0}


def region_mistake(region: str, cloud: str) -> str:
    """The message about a region that the cloud does not have."""
    return f"is no region of {cloud}{meant(region, regions_of(cloud))}"


class FunctionRules:
    """Checks functions, whose files are in `folder`, and adds each mistake to `mistakes`."""

    def __init__(self, cloud: d.Cloud, folder: Path, mistakes: Mistakes) -> None:
        self._cloud, self._folder, self._mistakes = cloud, folder, mistakes
        self._platform = d.PLATFORM_OF[cloud]

    def check(self, key: str, given: FunctionForm) -> None:
        """Check one function, except its triggers. `key` is its key in serverless.yml."""
        at = ("functions", key)
        self._handler(given, at)
        if not _NAMES[self._cloud].fullmatch(given.name or key):
            text = f"is not a valid function name on {self._platform}"
            self._mistakes.add(text, *at, *(["name"] if given.name else []))
        self._numbers(given, at)
        pattern, form = _ROLES[self._cloud]
        if not pattern.fullmatch(given.role):
            self._mistakes.add(f"must be {form}", *at, "role")
        self._environment(given.environment, (*at, "environment"))
        self._copies(given, at)
        self._logs(given.logs, (*at, "logs"))
        self._network(given.vpc, (*at, "vpc"))

    def _handler(self, given: FunctionForm, at: tuple[str, str]) -> None:
        found = _HANDLER.fullmatch(given.handler)
        if found is None:
            text = "must be <file>.<function>, letters first and last, 2 to 60 characters each"
            self._mistakes.add(text, *at, "handler")
            return
        file = self._folder / f"{found[1]}.py"
        if not file.is_file():
            self._mistakes.add(f"there is no functions/{found[1]}.py", *at, "handler")
        elif found[2] not in globals_of(file):
            self._mistakes.add(f"functions/{found[1]}.py has no {found[2]}", *at, "handler")

    def _numbers(self, given: FunctionForm, at: tuple[str, str]) -> None:
        if given.runtime not in _RUNTIMES[self._cloud]:
            self._mistakes.add(
                f"{self._platform} runs keyturn on {' or '.join(_RUNTIMES[self._cloud])}", *at, "runtime"
            )
        memory = given.memory_size
        if self._cloud == "tencent" and memory != 64 and not (128 <= memory <= 3072 and memory % 128 == 0):
            self._mistakes.add("scf takes 64 MB, or 128 to 3072 MB in steps of 128", *at, "memorySize")
        if self._cloud == "alibaba" and not (128 <= memory <= 32_768 and memory % 64 == 0):
            self._mistakes.add("fc takes 128 to 32768 MB in steps of 64", *at, "memorySize")
        if not 1 <= given.timeout <= _MOST_S[self._cloud]:
            self._mistakes.add(f"{self._platform} takes 1 to {_MOST_S[self._cloud]} seconds", *at, "timeout")
        if not 0 <= given.async_retries <= _MOST_RETRIES[self._cloud]:
            self._mistakes.add(f"{self._platform} takes 0 to {_MOST_RETRIES[self._cloud]}", *at, "asyncRetries")
        if given.instances is not None and given.instances < 1:
            self._mistakes.add(_TOO_FEW_INSTANCES, *at, "instances")
        if self._cloud == "tencent" and given.concurrency != 1:
            self._mistakes.add("must be 1: an scf instance handles one event at a time", *at, "concurrency")
        if not 1 <= given.concurrency <= 200:
            self._mistakes.add("must be 1 to 200, the events that one fc instance handles at once", *at, "concurrency")
        if given.budget_mb > _ZIP_MB[self._cloud]:
            self._mistakes.add(f"{self._platform} takes zips of at most {_ZIP_MB[self._cloud]:g} MB", *at, "budgetMb")

    def _environment(self, environment: dict[str, str], at: tuple[str, ...]) -> None:
        for variable in environment:
            if variable.upper().startswith(_RESERVED):
                self._mistakes.add("begins with a prefix that the platforms reserve", *at, variable)
            elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", variable):
                self._mistakes.add("must be a letter, then letters, digits and _", *at, variable)
        if (region := environment.get("KEYTURN_REGION")) and region not in regions_of(None):
            self._mistakes.add(region_mistake(region, self._cloud), *at, "KEYTURN_REGION")
        if environment.get(_CA_FILE):
            self._mistakes.add("is for a stand-in on your machine: a deployed function never trusts it", *at, _CA_FILE)
        size = sum(len(variable.encode()) + len(value.encode()) for variable, value in environment.items())
        if environment.get("KEYTURN_COMMANDS") and not environment.get("KEYTURN_HANDOFF_KEY"):
            size += _MOST_KEYS_BYTES  # `deploy` adds this one
        if size > _ENVIRONMENT_BYTES:
            self._mistakes.add(f"has {size} bytes; both platforms take at most {_ENVIRONMENT_BYTES} bytes in all", *at)
        try:
            told = ("KEYTURN_REGION", _CA_FILE)
            read_settings({name: value for name, value in environment.items() if name not in told})
            for use in ("results", "commands"):
                if url := environment.get(f"KEYTURN_{use.upper()}"):
                    self._queue(url, "results" if use == "results" else "commands")
        except SettingsError as error:
            variable, _, text = str(error).partition(": ")
            self._mistakes.add(text, *at, variable)

    def _queue(self, url: str, use: Literal["results", "commands"]) -> None:
        try:
            check_url(url, on_platform=True, use=use)
        except ValueError as error:
            raise SettingsError(f"KEYTURN_{use.upper()}: {error}") from None

    def _copies(self, given: FunctionForm, at: tuple[str, str]) -> None:
        for part, value, cloud in (
            ("deadLetter", given.dead_letter, "tencent"),
            ("destinations", given.destinations, "alibaba"),
        ):
            if value is None:
                continue
            if given.module not in _WITHOUT_SECRETS:
                only = " and ".join(_WITHOUT_SECRETS)
                self._mistakes.add(
                    f"receives the event or the reply, which may hold a secret: only {only} may have it", *at, part
                )
            if self._cloud != cloud:
                self._mistakes.add(f"{self._platform} has none", *at, part)

    def _network(self, given: NetworkForm | None, at: tuple[str, ...]) -> None:
        if given is None or not any((given.vpc, given.subnet, given.security_group)):
            return
        for part, (pattern, form) in _NETWORK[self._cloud].items():
            if not pattern.fullmatch(getattr(given, part)):
                self._mistakes.add(f"{form}: set all parts of a private network, or none", *at, to_camel(part))

    def _logs(self, given: LogsForm | None, at: tuple[str, ...]) -> None:
        if given is None:
            return
        own = _LOGS[self._cloud]
        for part in given.model_fields_set - own.keys():
            if getattr(given, part):
                self._mistakes.add(f"{self._platform} has none", *at, part)
        values = {part: str(getattr(given, part)) for part in own}
        if not any(values.values()):
            return
        for part, (pattern, form) in own.items():
            if not values[part]:
                self._mistakes.add(f"is missing: set {' and '.join(own)} together, or neither", *at, part)
            elif not pattern.fullmatch(values[part]):
                self._mistakes.add(f"must be {form}", *at, part)
