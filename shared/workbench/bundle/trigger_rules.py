"""The platforms' rules about what starts a function: HTTP, timers and queues.

Limits: SCF https://www.tencentcloud.com/document/product/583/11637 and CreateFunction (2018-04-16); FC
https://www.alibabacloud.com/help/en/functioncompute/fc/product-overview/limits and CreateFunction (2023-03-30).
"""

from __future__ import annotations

from typing import Any

from shared.runtime.spelling import meant
from shared.workbench.bundle import cron
from shared.workbench.bundle import description as d
from shared.workbench.bundle.form import HttpForm, ServerlessFile, TimerForm, TriggerForm
from shared.workbench.bundle.mistakes import Mistakes
from shared.workbench.bundle.timer_text import policy_text, timer_text_problem

# The bytes of a timer's CustomArgument (583/9708, 2024-12-02), and the length of a CKafka trigger's name, which other
# projects found out.
_SCF_TEXT_BYTES, _SCF_NAME = 4096, 60
# Most triggers of one type on SCF (583/11637, 2025-10), and most triggers of a function on FC (limits, 2026-04).
_MOST_OF_A_KIND = {"tencent": 10, "alibaba": 50}
_SIGNED = {"tencent": "CAM", "alibaba": "function"}


class TriggerRules:
    """Reads the triggers of one file's functions and adds each mistake to `mistakes`."""

    def __init__(self, file: ServerlessFile, cloud: d.Cloud, mistakes: Mistakes) -> None:
        self._cloud, self._mistakes = cloud, mistakes
        self._platform = d.PLATFORM_OF[cloud]
        self._policies: dict[str, dict[str, Any]] = file.custom.policies if file.custom else {}
        self._region = file.provider.region
        self._modules = {function.module for function in file.functions.values()}
        # (Region, Store) -> the policy that keeps secrets there, and the kind of credential that they belong to.
        self._stores: dict[tuple[object, object], tuple[str, object]] = {}

    def read(self, module: str, events: list[TriggerForm], at: tuple[str, ...]) -> d.StartedBy:
        """The triggers of one function, whose `events` are at the path `at`."""
        http: d.HttpTrigger | None = None
        timers: list[d.TimerTrigger] = []
        queues: list[d.CkafkaTrigger | d.SmqTrigger] = []
        for index, event in enumerate(events):
            kinds = [kind for kind in ("http", "timer", "ckafka", "smq") if getattr(event, kind) is not None]
            if len(kinds) != 1:
                self._mistakes.add("must be one trigger: http, timer, ckafka or smq", *at, index)
                continue
            here: tuple[int | str, ...] = (*at, index, kinds[0])
            if event.http:
                if http:
                    self._mistakes.add("a function may have only one HTTP trigger", *here)
                http = self._http(event.http, here)
            elif event.timer:
                timers.append(self._timer(module, event.timer, here))
            elif event.ckafka:
                if self._cloud != "tencent":
                    self._mistakes.add("fc has no CKafka trigger", *here)
                k = event.ckafka
                name = f"{k.instance}-{k.topic}"
                if len(name) > _SCF_NAME:
                    self._mistakes.add(
                        f"SCF takes trigger names of at most {_SCF_NAME} characters: {name}", *here, "topic"
                    )
                queues.append(
                    d.CkafkaTrigger(name, k.instance, k.topic, k.batch, k.wait, k.retries, k.offset, k.enabled)
                )
            elif event.smq:
                if self._cloud != "alibaba":
                    self._mistakes.add("scf has no SMQ trigger", *here)
                q = event.smq
                queues.append(d.SmqTrigger(f"smq-{q.queue}"[:128], q.queue, q.retries, q.batch, q.enabled))
        names = [trigger.name for trigger in (*timers, *queues)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._mistakes.add(f"two triggers have the name {name}", *at)
        most = _MOST_OF_A_KIND[self._cloud]
        if max(len(timers), len(queues), len(events) if self._cloud == "alibaba" else 0) > most:
            self._mistakes.add(f"{self._platform} takes at most {most} triggers", *at)
        return d.StartedBy(http, tuple(timers), tuple(queues))

    def _http(self, given: HttpForm, at: tuple[int | str, ...]) -> d.HttpTrigger:
        signed = _SIGNED[self._cloud]
        if given.auth_type.lower() in ("none", "anonymous"):
            self._mistakes.add(f"would let anybody change passwords: must be {signed}", *at, "authType")
        elif given.auth_type != signed:
            self._mistakes.add(f"must be {signed}: so {self._platform} accepts signed calls only", *at, "authType")
        if given.method != "POST":
            self._mistakes.add("must be POST", *at, "method")
        return d.HttpTrigger("http", given.auth_type)

    def _timer(self, module: str, given: TimerForm, at: tuple[int | str, ...]) -> d.TimerTrigger:
        spelled = ""
        try:
            spelled = cron.render(given.cron, self._platform)
        except ValueError as error:
            self._mistakes.add(str(error), *at, "cron")
        if text := timer_text_problem(given.message):
            self._mistakes.add(text, *at, "message")
        elif module == "plan_rotation":
            self._policies_in(given.message, (*at, "message"))
        message = given.message if given.policy is None else self._policy(module, given, at)
        if self._platform == "scf" and len(message.encode()) > _SCF_TEXT_BYTES:
            self._mistakes.add(f"its text is longer than {_SCF_TEXT_BYTES} bytes, the limit for a timer of SCF", *at)
        return d.TimerTrigger(given.name, spelled, given.enabled, message)

    def _policy(self, module: str, given: TimerForm, at: tuple[int | str, ...]) -> str:
        """The text of a timer that names a policy."""
        name = given.policy or ""
        fields = self._policies.get(name)
        if module != "plan_rotation":
            self._mistakes.add("only timers of plan_rotation can name a policy", *at, "policy")
        elif given.message:
            self._mistakes.add("set message or policy, not both", *at, "policy")
        elif fields is None:
            self._mistakes.add(
                f"there is no such policy under custom.policies{meant(name, self._policies)}", *at, "policy"
            )
        elif "Policy" in fields or "From" in fields:
            self._mistakes.add(
                "remove Policy (the key is the name) and From (keyturn alone writes it)", "custom", "policies", name
            )
        else:
            try:
                text = policy_text(name, fields)
            except ValueError as error:
                self._mistakes.add(str(error), "custom", "policies", name)
            else:
                if fields["Function"] not in self._modules:
                    self._mistakes.add("its Function is not deployed here", "custom", "policies", name)
                self._keeps(name, fields, ("custom", "policies", name))
                return text
        return ""

    def _policies_in(self, message: str, at: tuple[int | str, ...]) -> None:
        """Check policies that are written in a timer's message by the rules of custom.policies."""
        for fields in d.policies_in(message):
            name = fields["Policy"]
            try:
                policy_text(name, fields)
            except ValueError as error:
                self._mistakes.add(str(error), *at)
            else:
                self._keeps(name, fields, at)

    def _keeps(self, name: str, fields: dict[str, Any], at: tuple[int | str, ...]) -> None:
        """Check that each store keeps secrets of one kind of credential only.

        Two kinds would overwrite each other's.
        """
        kind, store = (
            (fields["Function"], fields.get("Alternate")),
            (fields.get("Region", self._region), fields.get("Store")),
        )
        other, kept = self._stores.setdefault(store, (name, kind))
        if store[1] and kept != kind:
            text = f"Store: policy {other} keeps other passwords under the same names: give one of them another Store"
            self._mistakes.add(text, *at)
