"""The run of one command with a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.commands.store_reference import StoreRef
from shared.handlers.admission import AdmittedCommand, admit
from shared.handlers.command_run import CommandRun
from shared.results.outcome import Conclusion
from shared.runtime.errors import KeyturnError
from shared.stores.store import Store
from shared.stores.versions import change_identity
from shared.triggers import Message, Trigger
from tests.support.memory_store import Shelved, Vault
from tests.support.scripted_cloud import Cloud
from tests.support.scripted_world import World, message


class ShelvedRun(CommandRun[Any]):
    """Like the handler's run, except that it opens the store in memory."""

    shelf: Callable[[str], Shelved]

    def _store(self, ref: StoreRef) -> tuple[Store, str]:
        _, region = super()._store(ref)  # a store that the settings refuse stays refused
        return self.shelf(ref.place), region


@dataclass
class Scene:
    """The surroundings of one command: its cloud, its world, its store."""

    cloud: Cloud = field(default_factory=Cloud)
    world: World = field(default_factory=World)
    vault: Vault = field(default_factory=Vault)
    fails: dict[str, KeyturnError] = field(default_factory=dict)  # raised before the store's call of this name

    def begin(self, data: Any, trigger: Trigger = Trigger.QUEUE, **what: Any) -> ShelvedRun:
        """The run of one delivery, before it begins."""
        one: Message = message(data, **what)
        request = self.world.request(one, trigger=trigger)
        found = admit(self.cloud.operation, request, one)
        assert isinstance(found, AdmittedCommand), found.error.message
        run = ShelvedRun(self.cloud.operation, request, one, found)
        run.shelf = lambda place: Shelved(self.vault, before=self._fail, name=place)
        return run

    def _fail(self, call: str) -> None:
        if call in self.fails:
            raise self.fails[call]

    def conclude(self, data: Any, trigger: Trigger = Trigger.QUEUE, **what: Any) -> Conclusion:
        """The conclusion of one delivery that does not send the command again."""
        conclusion = self.begin(data, trigger, **what).conclude()
        assert conclusion is not None
        return conclusion

    def version_of(self, command_id: str, account: str = "app", number: int = 1, resource: str = "crs-one") -> str:
        """The name of the version of a command, of this scene's operation, without further parameters."""
        operation = self.cloud.operation
        region = "ap-guangzhou" if operation.cloud == "tencent" else "cn-hangzhou"
        source, subject = f"keyturn/{operation.cloud}/{region}", f"redis/{resource}/{account}"
        parameters = {"NoAuth": False} if operation.action == "SetPassword" else {}
        identity = change_identity(source, subject, (), operation.action, command_id, parameters)
        return identity.name(number)
