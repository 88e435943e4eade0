"""The rules about queues that serverless.yml must keep before it is deployed.

SCF functions can publish to CKafka (with their role) or to AMQP (with a password). FC functions can publish to SMQ or
AMQP in the same way. A queue of the other cloud would need that cloud's keys in the function's environment. On SCF only
CKafka starts a function, on FC only SMQ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shared.runtime import queue_urls
from shared.runtime.regions import regions_of
from shared.workbench.bundle import description as d
from shared.workbench.bundle.form import FunctionForm, ServerlessFile
from shared.workbench.bundle.function_rules import region_mistake
from shared.workbench.bundle.mistakes import Mistakes
from shared.workbench.bundle.yaml_with_lines import Located

_KINDS: dict[d.Cloud, tuple[str, ...]] = {"tencent": ("ckafka", "amqps"), "alibaba": ("smq", "amqps")}
_STARTS: dict[d.Cloud, str] = {"tencent": "ckafka", "alibaba": "smq"}


class DeploymentRules:
    """Checks one file's functions and adds each mistake to `mistakes`.

    `document` is the file with its variables replaced.
    """

    def __init__(self, file: ServerlessFile, document: Located, cloud: d.Cloud, mistakes: Mistakes) -> None:
        self._file, self._document, self._cloud, self._mistakes = file, document, cloud, mistakes
        self._platform = d.PLATFORM_OF[cloud]
        self._known_examples = file.custom.examples if file.custom else {}

    def check(self, *, examples: bool) -> None:
        """Check every rule. `examples`: the example names of the file are allowed."""
        if not examples:
            self._examples()
        for key, given in self._file.functions.items():
            at = ("functions", key, "environment")
            results, commands = (given.environment.get(f"KEYTURN_{use}", "").strip() for use in ("RESULTS", "COMMANDS"))
            starts = any(event.timer or event.ckafka or event.smq for event in given.events)
            if examples and self._is_example(results + commands):
                continue  # bootstrap replaces them with real queues
            if results:
                self._queue(results, given, (*at, "KEYTURN_RESULTS"))
            elif starts:
                text = "is empty: a function without a results queue refuses commands from timers and queues"
                self._mistakes.add(text, *at, "KEYTURN_RESULTS")
            if results and self._is_read(results):
                self._mistakes.add("is a queue whose messages a trigger reads as commands", *at, "KEYTURN_RESULTS")
            if results and results == commands:
                self._mistakes.add(
                    "is the same queue as KEYTURN_RESULTS: results would be read as commands", *at, "KEYTURN_COMMANDS"
                )
            elif commands and self._queue(commands, given, (*at, "KEYTURN_COMMANDS")):
                self._commands(commands, given, (*at, "KEYTURN_COMMANDS"))

    def _is_example(self, text: str) -> bool:
        return any(example in text for example in self._known_examples)

    def _examples(self) -> None:
        """Add a mistake for each example that is still in a function, once for each example."""
        advice = f" (`make bootstrap CLOUD={self._cloud}`, then `. dist/bootstrap/{self._cloud}/settings.sh`)"
        for example, variable in self._known_examples.items():
            word = re.compile(rf"(?<![A-Za-z0-9-]){re.escape(example)}(?![A-Za-z0-9-])")
            for path, text in _texts(self._document["functions"], ("functions",)):
                if word.search(text):
                    self._mistakes.add(f"`{example}` is an example: set {variable} to your own value{advice}", *path)
                    break

    def _queue(self, url: str, given: FunctionForm, at: tuple[str, ...]) -> bool:
        """Whether a URL names a queue that this platform's functions may use."""
        kind = url.partition("://")[0].lower()
        if kind not in _KINDS[self._cloud]:
            known = " or ".join(f"{one}://" for one in _KINDS[self._cloud])
            shown = f"{kind}://" if kind.isalnum() else "this"
            self._mistakes.add(f"{self._platform} functions can publish to {known} only, not to {shown}", *at)
            return False
        try:
            place = queue_urls.place_of(url, function="function", on_platform=True)
        except ValueError:
            return False  # FunctionRules reports this mistake
        if isinstance(place, queue_urls.CkafkaPlace | queue_urls.SmqPlace):
            region = _region_of(place)
            if region not in regions_of(self._cloud):
                self._mistakes.add(region_mistake(region, self._cloud), *at)
        account = given.role.split(":")[3] if given.role.count(":") >= 4 else ""
        if isinstance(place, queue_urls.SmqPlace) and account and place.account != account:
            text = f"is a queue of account {place.account}, but `role` belongs to account {account} (ALIBABA_ACCOUNT)"
            self._mistakes.add(text, *at)
        return True

    def _is_read(self, url: str) -> bool:
        """Whether a function's trigger reads this SMQ queue. False for CKafka: its URL does not name the topic."""
        try:
            place = queue_urls.place_of(url, function="function", on_platform=True)
        except ValueError:
            return False
        events = [event for given in self._file.functions.values() for event in given.events]
        return isinstance(place, queue_urls.SmqPlace) and place.queue in {one.smq.queue for one in events if one.smq}

    def _commands(self, url: str, given: FunctionForm, at: tuple[str, ...]) -> None:
        """Check that commands go to the queue that the function's own trigger reads."""
        read = [event.ckafka or event.smq for event in given.events if event.ckafka or event.smq]
        if not read:
            return
        place = queue_urls.place_of(url, function=given.module, on_platform=True)
        if not isinstance(place, queue_urls.CkafkaPlace | queue_urls.SmqPlace):
            text = f"the function's trigger reads {_STARTS[self._cloud]}://, but commands would go elsewhere"
            self._mistakes.add(text, *at)
            return
        here, there = self._file.provider.region, _region_of(place)
        if there != here:
            text = f"is a queue in {there}, but the function's trigger reads in {here} (KEYTURN_REGION)"
            self._mistakes.add(text, *at)
        queues = [event.smq.queue for event in given.events if event.smq]
        if isinstance(place, queue_urls.SmqPlace) and queues and place.queue not in queues:
            text = f"is the queue {place.queue}, but the function's trigger reads {', '.join(queues)}"
            self._mistakes.add(text, *at)


def _region_of(place: queue_urls.CkafkaPlace | queue_urls.SmqPlace) -> str:
    return place.region.removesuffix("-internal").removesuffix("-vpc")


def _texts(value: Any, path: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Every text in a part of the document, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
