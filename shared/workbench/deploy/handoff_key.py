"""KEYTURN_HANDOFF_KEY at a deploy: the bundle's key is kept where there is one and made where there is none.

By this key the functions of a bundle know their own messages (`shared.runtime.message_signing`), so all that share a
commands queue get the same. Where serverless.yml and the environment name no key, the one that any function of the
bundle has on the platform is kept. If none has one, the plan says that it will be made, and `with_new_key` makes it
when the plan is carried out. It leaves this module only in a function's environment: a plan shows whether there is one,
never which.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from shared.runtime.errors import SettingsError
from shared.runtime.settings import handoff_keys
from shared.workbench.bundle.description import Description, FunctionSpec
from shared.workbench.deploy.plan import FunctionState
from shared.workbench.deploy.shown import KEY_MADE_LATER

NAME = "KEYTURN_HANDOFF_KEY"
_QUEUE = "KEYTURN_COMMANDS"
_MOST = 2  # keys in one value


class KeyProblem(Exception):
    """No key can be chosen; the text says what to set, and names no key."""


def with_given_key(description: Description, environ: Mapping[str, str]) -> Description:
    """The deploying person's own key, for each function to which serverless.yml gives none. Raises: KeyProblem."""
    value = environ.get(NAME, "").strip()
    try:
        handoff_keys(value)
    except SettingsError as error:
        rule = str(error)
    else:
        return _filled(description, lambda _: value) if value else description
    raise KeyProblem(rule)


def with_kept_key(description: Description, found: Iterable[FunctionState]) -> Description:
    """A key for each function that has none yet: its queue's, else that of a function on the platform, else MADE_LATER.

    Raises: KeyProblem if the functions on the platform have more keys than one value can hold.
    """
    if not any(map(_lacks_one, description.functions)):
        return description
    of_queue = {
        spec.environment[_QUEUE]: spec.environment[NAME]
        for spec in description.functions
        if spec.environment.get(_QUEUE) and spec.environment.get(NAME)
    }
    there: str | None = None

    def choose(spec: FunctionSpec) -> str:
        nonlocal there
        own = of_queue.get(spec.environment[_QUEUE])
        if own is None and there is None:
            there = _on_the_platform(found) or KEY_MADE_LATER
        return own or there or KEY_MADE_LATER

    return _filled(description, choose)


def with_new_key(description: Description) -> Description:
    """One new key for every function whose key was to be made."""
    key = new_key()
    specs = tuple(
        replace(spec, environment={**spec.environment, NAME: key})
        if spec.environment.get(NAME) == KEY_MADE_LATER
        else spec
        for spec in description.functions
    )
    return replace(description, functions=specs)


def new_key() -> str:
    """A value of KEYTURN_HANDOFF_KEY from the operating system's randomness."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


def functions_not_believed(description: Description, found: Iterable[FunctionState]) -> list[str]:
    """Functions whose messages will not be known any more: they sign with a key that the bundle no longer has."""
    wanted = {key for spec in description.functions for key in _keys(spec.environment.get(NAME))}
    signing = {one.name: _keys(one.settings.get(f"env {NAME}"))[:1] for one in found if one.made_by_deploy}
    return sorted(name for name, keys in signing.items() if wanted and not wanted.issuperset(keys))


def _lacks_one(spec: FunctionSpec) -> bool:
    return bool(spec.environment.get(_QUEUE)) and not spec.environment.get(NAME, "").strip()


def _filled(description: Description, choose: Callable[[FunctionSpec], str]) -> Description:
    specs = tuple(
        replace(spec, environment={**spec.environment, NAME: choose(spec)}) if _lacks_one(spec) else spec
        for spec in description.functions
    )
    return replace(description, functions=specs)


def _on_the_platform(found: Iterable[FunctionState]) -> str | None:
    """The value that the functions of the bundle have; an interrupted change of keys may have left two."""
    values: dict[tuple[str, ...], str] = {}
    for function in sorted(found, key=lambda one: one.name):
        value = function.settings.get(f"env {NAME}")
        if function.made_by_deploy and (keys := _keys(value)):
            values.setdefault(tuple(keys), str(value))
    every = list(dict.fromkeys(key for keys in values for key in keys))
    if len(every) > _MOST:
        raise KeyProblem(f"the functions on the platform have different keys: set {NAME} to the one or two to keep")
    # The newer of two values is the longer: a second key comes before the first one goes.
    whole = [value for keys, value in values.items() if len(keys) == len(every)]
    return whole[0] if whole else ",".join(every) or None


def _keys(value: object) -> list[str]:
    """The keys in a value; none if it is not one: a function with such a value answers nothing but that."""
    try:
        return [key.reveal() for key in handoff_keys(value if isinstance(value, str) else None)]
    except SettingsError:
        return []
