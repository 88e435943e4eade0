"""A secret shows itself nowhere, and what one invocation learned is forgotten at its end."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import logging
import os
import pickle
import pprint
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from shared.runtime import redaction
from shared.runtime.lanes import run
from shared.runtime.platform import read_invocation
from shared.runtime.redaction import forget_at_end, scrub
from shared.runtime.secret import Secret
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT, House, outcome
from tests.support.commands import VALID_COMMANDS

VALUE = "Canary-Passw0rd-17"
_PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
PYTHONS = sorted(_PYENV.glob("3.1[0-9]*/bin/python"))


@dataclasses.dataclass
class _Holder:
    secret: Secret


WAYS: dict[str, Any] = {
    "repr": repr,
    "str": str,
    "format": lambda secret: f"{secret:>40} {secret!s} {secret!r}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "vars": vars,
    "dir": lambda secret: [repr(getattr(secret, name)) for name in dir(secret) if name != "reveal"],
    "members": inspect.getmembers,
    "slots": lambda secret: [getattr(secret, name) for name in type(secret).__slots__],
    "pprint": pprint.pformat,
    "state": lambda secret: secret.__getstate__(),
    "reduce": lambda secret: secret.__reduce__(),
    "reduce_ex": lambda secret: secret.__reduce_ex__(2),
    "object state": lambda secret: object.__reduce_ex__(secret, 2),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "asdict": lambda secret: dataclasses.asdict(_Holder(secret)),
    "astuple": lambda secret: dataclasses.astuple(_Holder(secret)),
    "holder": lambda secret: repr(_Holder(secret)),
    "json": json.dumps,
    "json default": lambda secret: json.dumps(secret, default=vars),
    "json str": lambda secret: json.dumps(secret, default=str),
    **{f"pickle {n}": lambda secret, n=n: pickle.dumps(secret, n) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
    "iterate": list,
    "len": len,
    "bytes": bytes,
    "hash": hash,
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_look_at_a_secret_shows_it(way: str) -> None:
    try:
        shown = repr(WAYS[way](Secret(VALUE)))
    except Exception as error:
        shown = f"{error!r} {error.args}"
    assert "Canary" not in shown
    assert VALUE.encode().hex() not in shown


_PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
from shared.runtime.secret import Secret
secret = Secret("Canary-Passw0rd-17")
import copy, dataclasses, inspect, pickle
@dataclasses.dataclass
class Holder:
    secret: Secret
ways = [repr, vars, inspect.getmembers, copy.copy, copy.deepcopy, pickle.dumps, lambda s: s.__getstate__(),
        lambda s: object.__reduce_ex__(s, 2), lambda s: s.__reduce_ex__(4), lambda s: dataclasses.asdict(Holder(s)),
        lambda s: [getattr(s, name) for name in type(s).__slots__]]
for number, way in enumerate(ways):
    try:
        shown = repr(way(secret))
    except Exception as error:
        shown = repr(error)
    assert "Canary" not in shown, (number, "shows it")
print("closed")
"""


@pytest.mark.parametrize("python", PYTHONS or [Path(sys.executable)], ids=lambda path: path.parent.parent.name)
def test_it_is_closed_on_every_python(python: Path) -> None:
    """The class imports nothing that has to be installed."""
    done = subprocess.run(
        [python, "-I", "-c", _PROBE, ROOT], capture_output=True, text=True, check=False, env={"PATH": os.defpath}
    )
    assert done.stdout == "closed\n", done.stderr


# --- forgetting


def is_known(value: str) -> bool:
    return scrub(f"x {value} y") != f"x {value} y"


def test_what_an_invocation_learned_is_forgotten_at_its_end() -> None:
    with forget_at_end():
        Secret("inside-secret-1")
        assert is_known("inside-secret-1")
    assert not is_known("inside-secret-1")
    assert not redaction._known
    assert not redaction._groups


def test_it_is_forgotten_too_if_the_invocation_raises() -> None:
    with pytest.raises(ZeroDivisionError), forget_at_end():
        Secret("inside-secret-1")
        raise ZeroDivisionError
    assert not is_known("inside-secret-1")


def test_what_a_thread_of_it_learned_is_known_to_all_and_forgotten_with_the_rest() -> None:
    with forget_at_end():
        run([[0], [1], [2]], lambda n, _: redaction.remember(f"lane-secret-{n}"), at_once=3)
        assert all(is_known(f"lane-secret-{n}") for n in range(3))
    assert not any(is_known(f"lane-secret-{n}") for n in range(3))


def test_two_at_once_do_not_forget_each_others() -> None:
    began, go = threading.Event(), threading.Event()

    def other() -> None:
        with forget_at_end():
            redaction.remember("other-secret")
            began.set()
            go.wait(10)
            seen.append(is_known("other-secret"))

    seen: list[bool] = []
    thread = threading.Thread(target=other)
    with forget_at_end():
        thread.start()
        began.wait(10)
    go.set()
    thread.join()
    assert seen == [True]
    assert not is_known("other-secret")


def test_what_lasts_is_masked_in_later_invocations_and_only_the_newest_of_it() -> None:
    with forget_at_end():
        Secret("lasting-secret-0", lasting=True)
    assert is_known("lasting-secret-0")
    with forget_at_end():
        Secret("lasting-secret-0")  # met again, as a command's
    assert is_known("lasting-secret-0")
    for n in range(1, redaction._MOST_LASTING + 1):
        with forget_at_end():
            Secret(f"lasting-secret-{n}", lasting=True)
    assert not is_known("lasting-secret-0")
    assert is_known("lasting-secret-1")
    assert len(redaction._known) == redaction._MOST_LASTING


def test_what_a_program_learned_outside_of_any_invocation_stays() -> None:
    Secret("outside-secret")
    with forget_at_end():
        Secret("outside-secret")
    assert is_known("outside-secret")


def test_a_handler_forgets_its_commands_secrets_and_keeps_its_keys_masked(house: House) -> None:
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])) == "changed"
    assert not is_known(VALID_COMMANDS[ACCOUNT]["AccountPassword"])
    assert is_known("standin-secret-key")
    assert is_known("standin-session-token")
    assert len(redaction._known) <= redaction._MOST_LASTING


def test_a_queues_password_is_masked_in_the_invocations_after_it(house: House) -> None:
    with house.environment(ACCOUNT, "scf") as patch:
        patch.setenv("KEYTURN_RESULTS", "amqp://guest:Amqp-Passw0rd@127.0.0.1:1/vhost?queue=results")
        with forget_at_end():
            read_invocation({})
    assert is_known("Amqp-Passw0rd")


def test_while_it_is_known_it_is_masked_in_every_log_record(caplog: pytest.LogCaptureFixture) -> None:
    redaction.guard_logs()
    with forget_at_end(), caplog.at_level(logging.INFO):
        redaction.remember("inside-secret-1")
        logging.getLogger("library").info("saw %s", "inside-secret-1")
    assert "inside-secret-1" not in caplog.text
    assert "saw ***" in caplog.text


def test_a_secret_shows_its_value_to_no_copier() -> None:
    secret = Secret("Hunter2-long")
    state = getattr(secret, "__getstate__", dict)
    try:
        shown = repr(state())
    except TypeError:
        shown = ""
    assert "Hunter2" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
