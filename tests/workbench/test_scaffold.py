"""CONTRIBUTING's steps for a new operation, walked in a copy of the checkout."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.workbench.bundle import operations
from shared.workbench.bundle.function_text import UNREAD
from shared.workbench.docs.marked_parts import MANUAL
from shared.workbench.scaffold.function_file import function_file
from shared.workbench.scaffold.names import ScaffoldRefused, new_operation
from shared.workbench.schemas.compare import Direction, breaking
from tests.conftest import ACCOUNT, REGISTRY, TAIR

ROOT = Path(__file__).parents[2]
NAME, ACTION = "tencent_redis_reset_account_test_password", "ResetAccountTestPassword"
STUB = f"tests/cloud/actions/{NAME}.py"
FIELD, RESOLVED = "account_password: Annotated[NewSecret, REDIS_PASSWORD]", "resolved(command.account_password)"
ANSWER = 'service.actions["ModifyInstanceAccount"].handler(given, call)'
OTHER = "alibaba_tair_set_trial_password"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the files that git knows or would take, with this checkout's packages."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / ".venv").symlink_to(Path(sys.prefix))
    packages = ROOT / ".keyturn" / "packages"  # what zips carry is installed once
    packages.mkdir(parents=True, exist_ok=True)
    (folder / ".keyturn").mkdir()
    (folder / ".keyturn" / "packages").symlink_to(packages)
    own = {"GIT_AUTHOR_NAME": "n", "GIT_AUTHOR_EMAIL": "n@example.org"}
    own |= {"GIT_COMMITTER_NAME": "n", "GIT_COMMITTER_EMAIL": "n@example.org"}
    for command in ("init -q", "add -A", "commit -qm first"):
        subprocess.run(["git", *command.split()], cwd=folder, env=os.environ | own, check=True)
    yield folder


LIMIT_S = 900.0  # of a check, on a machine that other tests use too


def run(checkout: Path, *command: str) -> tuple[int, str]:
    """Exit code, and everything that was said. What outlives its time is ended with all that it started."""
    away = ("PYTEST_", "KEYTURN_", "MAKE", "MFLAGS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(away)}
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(
        command, cwd=checkout, env=env, stdout=pipe, stderr=both, text=True, start_new_session=True
    ) as running:
        try:
            said, _ = running.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            said, _ = running.communicate()
        return running.returncode, said


def replace(checkout: Path, path: str, *changes: tuple[str, str]) -> None:
    """What a person would edit."""
    text = (checkout / path).read_text()
    for old, new in changes:
        assert old in text, f"{path}: {old}"
        text = text.replace(old, new)
    (checkout / path).write_text(text)


@pytest.mark.long
def test_an_operation_is_added_by_the_steps_that_the_page_names(checkout: Path) -> None:
    code, said = run(checkout, "make", "-s", "new", f"FROM={ACCOUNT}", f"NAME={NAME}")
    assert code == 0, said
    left = said.partition("Left to do")[2]
    for path in (f"functions/{NAME}.py", STUB, f"events/{NAME}/", "serverless.yml", f"make check FUNCTION={NAME}"):
        assert path in left
    # Nothing is done yet: the tests that a check begins with name what is missing.
    code, said = run(checkout, ".venv/bin/python", "-m", "pytest", "-m", NAME, "tests/functions/test_declared.py")
    assert code != 0
    assert f"{STUB}: {ACTION} is not written yet" in said
    assert f"functions/{NAME}.py:1: " in said
    assert sum(UNREAD in line for line in (checkout / f"functions/{NAME}.py").read_text().splitlines()) == 4
    # The little that is left: what the page says, a small action, events that fit.
    write_function(checkout)
    replace(
        checkout,
        STUB,
        ("raise not_written(call, __file__)", f"return await {ANSWER}"),
        ("from tests.cloud.actions import not_written\n", ""),
        (f'CODES = "{UNREAD}"', 'CODES = "FailedOperation.SystemError"'),
    )
    for kind in ("scf-timer", "fc-timer"):
        replace(checkout, f"events/{NAME}/{kind}.json", (r", \"Remark\": \"orders, rotated by timer\"", ""))
    for command in (f"python -m shared.workbench.scaffold --sign {NAME}", f"ruff format functions/{NAME}.py {STUB}"):
        code, said = run(checkout, *f".venv/bin/{command}".split())
        assert code == 0, said
    code, said = run(checkout, "make", "-s", "schemas")
    assert code == 0, said
    code, said = run(checkout, "make", "-s", "check", f"FUNCTION={NAME}")
    assert code == 0, said
    assert all(path == "serverless.yml" or NAME in path for path in touched(checkout) if not is_generated(path))
    assert broken_by(checkout) == []


def test_an_operation_of_the_other_cloud_begins_the_same_way(checkout: Path) -> None:
    """Its events are read, and nothing that its adapter has is the other action's alone."""
    code, said = run(checkout, "make", "-s", "new", f"FROM={TAIR}", f"NAME={OTHER}")
    assert code == 0, said
    entry = (checkout / "serverless.yml").read_text().partition(f"      {OTHER}:\n")[2].partition("\n\n")[0]
    assert "- smq: { queue: keyturn-alibaba-tair-set-trial-password, retries: 176 }" in entry
    code, said = run(checkout, ".venv/bin/python", "-m", "pytest", "-m", OTHER, "tests/functions/test_events.py")
    assert code == 0, said
    code, said = run(checkout, ".venv/bin/python", "-m", "pytest", "-m", OTHER, "tests/workbench/test_serverless.py")
    assert code == 0, said
    assert broken_by(checkout) == []
    before = touched(checkout)
    code, said = run(checkout, "make", "-s", "new", f"FROM={TAIR}", f"NAME={OTHER}")
    assert code != 0
    assert f"functions/{OTHER}.py exists already" in said
    (checkout / f"functions/{OTHER}.py").unlink()
    code, said = run(checkout, "make", "-s", "new", f"FROM={TAIR}", f"NAME={OTHER}")
    assert code != 0
    assert "would be overwritten" in said
    assert [path for path in touched(checkout) if path != f"functions/{OTHER}.py"] == [
        path for path in before if path != f"functions/{OTHER}.py"
    ]


@pytest.mark.parametrize(
    ("source", "name", "words"),
    [
        ("tencent_redis_no_such", NAME, "no operation of that name; one of alibaba_tair_modify_account_password, "),
        (ACCOUNT, "tencent_redis", "a function's name has the form <cloud>_<service>_<the API's action"),
        (ACCOUNT, "tencent_redis_Reset", "a function's name has the form"),
        (ACCOUNT, "tencent_redis_2fa_reset", "a function's name has the form"),
        (ACCOUNT, "aws_redis_reset_password", "a function's name has the form"),
        (ACCOUNT, f"tencent_redis_{'x' * 50}", "SCF takes 2 to 60 characters"),
        (ACCOUNT, ACCOUNT, f"functions/{ACCOUNT}.py exists already"),
        (ACCOUNT, OTHER, f"belongs to another service; copy from {TAIR}"),
        (ACCOUNT, "tencent_tcr_reset_password", f"copy from {REGISTRY}"),
        (
            ACCOUNT,
            "tencent_mysql_reset_password",
            "First write the service by hand: its adapter in shared/clouds/",
        ),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_what_to_do(source: str, name: str, words: str) -> None:
    with pytest.raises(ScaffoldRefused, match=re.escape(words)):
        new_operation(source, name)


def test_an_event_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(operations, "ROOT", tmp_path)
    with pytest.raises(LookupError, match=f"functions/{TAIR}.py: no event events/{TAIR}/fc-http.json"):
        operations.example_command(TAIR)


def write_function(checkout: Path) -> None:
    """The file of an operation that takes an instance, an account and its new password."""
    path = f"functions/{NAME}.py"
    replace(
        checkout,
        path,
        (f"what it changes is {UNREAD} on the API's page", "the password of an account of a Redis instance"),
        (
            f"what a repeat of the same command does, and what two different ones do, is {UNREAD} on the page",
            "a repeat of the same command sets the same password again and converges; there is no fence",
        ),
        (f"{UNREAD}: the API, its version, the date of its page", "redis 2018-04-12, 2026-11-20"),
        (f"What it asks for is {UNREAD} on the API's page.", "Set the password of an account of an instance."),
        ('    page_defaults: ClassVar[Mapping[str, Any]] = {"EncryptPassword": False}\n', ""),
        ("account_name: AccountName | None = None", "account_name: AccountName"),
        ("    alternate: Alternate[AccountName] | None = None\n", ""),
        ("account_password: Annotated[NewSecret, REDIS_PASSWORD] | None = None", FIELD),
        ("None if command.account_password is None else resolved(command.account_password)", RESOLVED),
        ('{"AccountPassword": password} if password else {}', '{"AccountPassword": password}'),
    )
    text = (checkout / path).read_text()
    before, _, rest = text.partition("    remark: ")
    text = f"{before}\n\ndef _change{rest.partition('def _change')[2]}"
    (checkout / path).write_text(text)
    code, said = run(checkout, ".venv/bin/ruff", "check", "--fix", "--quiet", path)  # imports that nothing uses
    assert code == 0, said


def touched(checkout: Path) -> list[str]:
    """The files that differ from the copy's first state."""
    command = ["git", "status", "--porcelain", "-uall"]
    said = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout
    return [line[3:] for line in said.splitlines()]


def is_generated(path: str) -> bool:
    return path.startswith(("events/schemas/", MANUAL)) or path == "README.md"


def broken_by(checkout: Path) -> list[str]:
    """What the copy's schemas break of this checkout's."""
    broken = []
    for old in sorted((ROOT / "events" / "schemas").glob("*.json")):
        if old.name not in ("openapi.json", "asyncapi.json"):
            now = json.loads((checkout / "events" / "schemas" / old.name).read_text())
            way: Direction = "taken" if old.name.endswith((".command.json", ".event.json")) else "sent"
            broken += [f"{old.name} {one}" for one in breaking(json.loads(old.read_text()), now, way)]
    return broken


def test_another_spelling_of_the_other_action_waits_to_be_read() -> None:
    source, name = "tencent_redis_modify_instance_password", "tencent_redis_reset_test_password"
    text = (ROOT / "functions" / f"{source}.py").read_text(encoding="utf-8")
    code = [line for line in function_file(new_operation(source, name), text).splitlines() if "Modfiy" in line]
    assert len(code) == 3
    assert all(UNREAD in line for line in code), code
