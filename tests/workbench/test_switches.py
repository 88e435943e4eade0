"""The Makefile's switches: another value than 1 is refused, for DRY=true would change passwords."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from shared.workbench.bundle.checkout import ROOT


def shown(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What make would run, and nothing of it."""
    given = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "-n", *words]
    return subprocess.run(command, cwd=ROOT, env=given | environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("target", "switch", "option"),
    [
        ("rotate", "DRY", "--dry"),
        ("rotate", "NOW", "--now"),
        ("rotate", "BORROW", "--borrow"),
        ("bootstrap", "PRINT", "--print"),
        ("remove", "ALL", "--remove"),
        ("results", "FOLLOW", "--follow"),
        ("results", "JSON", "--json"),
        ("call", "JSON", "--json"),
        ("rotate", "JSON", "--json"),
        ("report", "JSON", "--json"),
        ("cloud", "TLS", "--tls"),
    ],
)
def test_a_switch_is_1_or_nothing(target: str, switch: str, option: str) -> None:
    on = shown(target, "CLOUD=tencent", f"{switch}=1")
    assert on.returncode == 0 and option in on.stdout
    for off in ((), (f"{switch}=0",), (f"{switch}=",)):
        without = shown(target, "CLOUD=tencent", *off)
        assert without.returncode == 0 and option not in without.stdout
    for value in ("true", "yes", "on", "2"):
        for wrong in (shown(target, "CLOUD=tencent", f"{switch}={value}"), shown(target, **{switch: value})):
            assert wrong.returncode == 2 and f"write {switch}=1, or leave it out" in wrong.stderr


@pytest.mark.parametrize(
    "words", [("remove", "DRY=1"), ("deploy", "DRY=1"), ("deploy", "PRINT=1"), ("rotate", "PRINT=1")]
)
def test_a_wish_for_no_change_is_not_overheard(words: tuple[str, str]) -> None:
    refused = shown(*words, "CLOUD=tencent")
    assert refused.returncode == 2 and f"{words[1].partition('=')[0]}= is for make " in refused.stderr


def test_a_variable_of_the_shell_that_means_something_else_stops_nothing() -> None:
    assert shown("plan", "CLOUD=tencent", DRY="martini", ALL="things").returncode == 0


@pytest.mark.parametrize("words", ["rotate DRY", "remove ALL", "bootstrap PRINT"])
def test_a_switch_without_a_value_is_no_target(words: str) -> None:
    refused = shown(*words.split(), "CLOUD=tencent")
    assert refused.returncode == 2 and f"{words.split()[1]}=1" in refused.stderr


def test_an_empty_secret_is_no_bootstrap() -> None:
    refused = shown("bootstrap", "CLOUD=tencent", "SECRET=")
    assert refused.returncode == 2 and "SECRET= is empty" in refused.stderr


@pytest.mark.parametrize("word", ["DRYRUN=1", "dry=1", "Cloud=tencent", "POLICIES=quarterly-redis", "YES1=1"])
def test_a_variable_that_no_target_reads_is_refused(word: str) -> None:
    refused = shown("rotate", "CLOUD=tencent", "POLICY=quarterly-redis", word)
    name = word.partition("=")[0]
    assert refused.returncode == 2 and f"no target reads {name}=; known are ALL AS " in refused.stderr


def test_every_variable_that_the_makefile_reads_may_be_written() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.search(r"^VARIABLES := (.*?)\nwritten", text, re.MULTILINE | re.DOTALL)
    assert named is not None
    known = set(named[1].replace("\\", "").split())
    own = {"PY", "RUNTIME", "SET_UP", "FUNCTIONS", "VARIABLES", "MAKE", "MAKEFILE_LIST", "MAKECMDGOALS"}
    read = set(re.findall(r"\$\(([A-Z_]+)\)|call switch,([A-Z]+)", text))
    assert {name or switch for name, switch in read} - own | {"DRY", "PRINT", "SLOW", "YES"} == known


@pytest.mark.parametrize("word", ["YES=true", "SLOW=yes"])
def test_a_switch_that_a_command_reads_itself_is_1_or_nothing_too(word: str) -> None:
    refused = shown("verify", "CLOUD=tencent", word)
    assert refused.returncode == 2 and "=1, or leave it out" in refused.stderr


def test_a_setting_may_be_written_behind_make() -> None:
    assert shown("plan", "CLOUD=tencent", "KEYTURN_REGION=ap-singapore", "CKAFKA_INSTANCE=ckafka-1").returncode == 0
