"""A person's mistake: each command says in a few lines what is wrong and what to do, and shows no stack."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.workbench.environment.terminal import WIDEST
from tests.cloud.client.deployed_bundle import prepared_environment
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT, TAIR

MISSPELT = "tencent_redis_modify_instance_acount"
NO_FILE, FOLDER = "there is no such file", "that is a folder, not a file"
UNREADABLE = (("nowhere", NO_FILE), ("folder", FOLDER))
HTTP = f"events/{ACCOUNT}/scf-http.json"


@dataclass(frozen=True)
class Mistake:
    """A command as it is typed, where {folder} holds the wrong files, and what must be said, over {most} lines."""

    words: str
    says: tuple[str, ...]
    code: int = 2
    most: int = 3
    settings: Mapping[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([*(f"{name}={value}" for name, value in self.settings.items()), self.words])


def cloud_mistakes() -> Iterator[Mistake]:
    yield Mistake("tests.cloud srve", ("did you mean `serve`?",))
    for port in ("abc", "99999", "-4", ""):
        yield Mistake(f"tests.cloud serve --port={port}", (f"PORT={port} is no number", "0 takes a free one"))
    yield Mistake("tests.cloud serve --world {folder}/nowhere.toml", ("WORLD=", "nowhere.toml", NO_FILE))
    yield Mistake("tests.cloud serve --world tests/cloud/emtpy.toml", (NO_FILE, "`tests/cloud/empty.toml`"))
    yield Mistake("tests.cloud serve --world {folder}/folder", ("WORLD=", FOLDER))
    yield Mistake("tests.cloud serve --world {folder}/broken", ("WORLD=", "is not TOML", "line 1"))
    yield Mistake("tests.cloud serve --world {folder}/binary", ("WORLD=", "is not TOML", "no UTF-8 text"))
    yield Mistake("tests.cloud serve --world {folder}/key.toml", ("rediss: there is no such key", "`redis`"))
    yield Mistake("tests.cloud serve --port=x", ("serve: --port: PORT=x",))
    yield Mistake("tests.cloud serve --tsl", ("did you mean `--tls`?",))
    yield Mistake("tests.cloud queue shw sqlite:///tmp/a", ("did you mean `show`?",))
    yield Mistake("tests.cloud queue show", ("required: url",))
    yield Mistake("tests.cloud queue show sqlit:///tmp/a", ("known are sqlite",))
    yield Mistake("tests.cloud queue show sqlite://{folder}/folder", ("folder is a folder",), code=1)
    yield Mistake("tests.cloud queue show sqlite://{folder}/binary", ("binary cannot be read",), code=1)
    yield Mistake("tests.cloud run --once", ("KEYTURN_COMMANDS is not set", "sqlite:///"))
    yield Mistake("tests.cloud run --once", ("KEYTURN_COMMANDS", "known are sqlite"), settings={"COMMANDS": "foo://x"})
    yield Mistake("tests.cloud run --once", ("KEYTURN_COMMANDS is not set",), settings={"COMMANDS": " "})
    yield Mistake("tests.cloud demo again", ("again", "--help"))
    yield Mistake("tests.campaign --only nosuch", ("no case's name holds nosuch",))
    yield Mistake("tests.campaign wlk", ("did you mean `walk`?",))


def invoke_mistakes() -> Iterator[Mistake]:
    known = (f"`{ACCOUNT}`", "FUNCTION= is one of", TAIR, "plan_rotation")
    yield Mistake(f"tests.cloud invoke {MISSPELT} {HTTP}", known, most=4)
    yield Mistake(f"tests.cloud invoke '' {HTTP}", ("which function?", TAIR), most=4)
    yield Mistake(f"tests.cloud invoke {ACCOUNT} ''", ("which event?", "scf-http.json"))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} {HTTP[:-1]}", (NO_FILE, f"did you mean `{HTTP}`?"))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} scf-htp.json", (NO_FILE, f"did you mean `{HTTP}`?"))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} nowhere", ("EVENT=nowhere", NO_FILE, "has scf-http.json"))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} events/{ACCOUNT}", (FOLDER, "scf-http.json"))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} {{folder}}/empty", ("is empty", "scf-http.json"))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} {{folder}}/broken", ("is not JSON (line 1, column", "scf-http.json"))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} {{folder}}/binary", ("is not JSON (",))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} {HTTP} --as sfc", ("`sfc` is none of scf, fc",))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} {HTTP} --as SCF", ("did you mean `scf`?",))
    yield Mistake(f"tests.cloud invoke {ACCOUNT} {HTTP} --timeout-s soon", ("`soon` is no number of seconds",))
    for seconds in ("1e10", "1e99", "10000000", "nan", "0"):
        limit = f"`{seconds}` is no number of seconds above 0 and up to 86,400"
        yield Mistake(f"tests.cloud invoke {ACCOUNT} {HTTP} --timeout-s {seconds}", (limit,))
    yield Mistake(f"tests.cloud invoke \x1b[31m{ACCOUNT} {HTTP}", (f"no function \ufffd[31m{ACCOUNT}",), most=5)
    unset = {"TENCENT_ENDPOINT": None}
    yield Mistake(f"tests.cloud invoke {ACCOUNT} {HTTP}", ("the real Tencent Cloud", "`make shell`"), settings=unset)
    for blank in ("", " ", " \t"):
        yield Mistake(
            f"tests.cloud invoke {ACCOUNT} {HTTP}", ("the real Tencent",), settings={"TENCENT_ENDPOINT": blank}
        )


def account_mistakes() -> Iterator[Mistake]:
    verbs = ("deploy plan", "deploy deploy", "deploy remove", "results", "bootstrap", "verify", "package")
    for verb in verbs:
        yield Mistake(f"shared.workbench.{verb} tencnt", ("which cloud? ", "CLOUD=alibaba", "did you mean `tencent`?"))
    for verb in verbs:
        yield Mistake(f"shared.workbench.{verb} aws", ("which cloud? CLOUD=aws is none: ", "CLOUD=tencent"))
    yield Mistake("shared.workbench.rotate alibba yearly", ("CLOUD=tencent", "did you mean `alibaba`?"))
    yield Mistake("shared.workbench.deploy pln tencent", ("did you mean `plan`?",))
    for name, why in (*UNREADABLE, ("binary", "not UTF-8"), ("empty", "must be a mapping")):
        yield Mistake(f"shared.workbench.deploy plan tencent --file {{folder}}/{name}", (name, why))
    yield Mistake("shared.workbench.deploy plan tencent --file {folder}/broken", ("broken:1", "not YAML"))
    yield Mistake(
        "shared.workbench.deploy plan tencent",
        ("no region of tencent, did you mean `ap-guangzhou`?", "KEYTURN_REGION"),
        settings={"REGION": "ap-guangzou"},
    )
    call = "shared.workbench.deploy call"
    yield Mistake(f"{call} tencent {MISSPELT} {HTTP}", (f"did you mean `{ACCOUNT}`? known are:",), most=4)
    yield Mistake(f"{call} tencent {TAIR} {HTTP}", ("CLOUD=alibaba?", "known are:"), most=4)
    yield Mistake(f"{call} tencent '' {HTTP}", ("which function?", ACCOUNT))
    yield Mistake(f"{call} tencent {ACCOUNT} ''", ("which command?",))
    for name, why in (*UNREADABLE, ("empty", "is empty"), ("broken", "is not JSON (line 1,")):
        yield Mistake(f"{call} tencent {ACCOUNT} {{folder}}/{name}", (f"/{name} ", why))
    yield Mistake(f"{call} tencent {ACCOUNT} {{folder}}/binary", ("is not JSON (",))
    yield Mistake(f"{call} tencent {ACCOUNT} {HTTP}", ("has no address on this platform: deploy it first",))
    others = (
        "follow_change has no HTTP trigger in serverless.yml",
        "by queue",
        f"have one are: {ACCOUNT}",
        "plan_rotation",
    )
    yield Mistake(f"{call} tencent follow_change {HTTP}", others, most=4)
    nobody = {"TENCENT_ENDPOINT": "http://127.0.0.1:9"}
    yield Mistake(f"{call} tencent {ACCOUNT} {HTTP}", ("NoConnection", "ENDPOINT"), code=1, settings=nobody)
    queue = {"COMMANDS": "ckafka://ap-guangzhou/datahub-demo02"}
    yield Mistake("shared.workbench.deploy plan tencent", ("http://127.0.0.1:9",), settings=nobody | queue)


def other_mistakes() -> Iterator[Mistake]:
    rotate = "shared.workbench.rotate"
    yield Mistake(f"{rotate} tencent quarterly-rediss", ("did you mean `quarterly-redis`?", "known are:"))
    yield Mistake(f"{rotate} tencent quarterly-tair", ("is for alibaba: make rotate", "CLOUD=alibaba"))
    yield Mistake(f"{rotate} tencent ''", ("which policy?", "quarterly-redis"))
    for since in ("yesterday", "1", "-1h", "0s", "000m", ""):
        yield Mistake(
            f"shared.workbench.results tencent --since={since}", (f"SINCE={since}: it takes a number from 1", "30m")
        )
    yield Mistake("shared.workbench.results tencent --folow", ("did you mean `--follow`?",))
    yield Mistake("shared.workbench.report", ("no source", "FROM=", "KEYTURN_RESULTS"), settings={"RESULTS": None})
    yield Mistake("shared.workbench.report", ("no source",), settings={"RESULTS": " "})
    missing = ("queue {folder}/nope.db does not exist: FROM= or KEYTURN_RESULTS is wrong",)
    page = "-o {folder}/no-page.html"
    yield Mistake(f"shared.workbench.report sqlite://{{folder}}/nope.db {page}", missing, code=1)
    yield Mistake(f"shared.workbench.report {page}", missing, 1, settings={"RESULTS": "sqlite://{folder}/nope.db"})
    yield Mistake("shared.workbench.report sqlite://{folder}/folder", ("folder is a folder, and a queue is a file",), 1)
    yield Mistake("shared.workbench.report ''", ("a source has no name: FROM= is a queue or a file",), code=1)
    for name, why in UNREADABLE:
        yield Mistake(f"shared.workbench.report {{folder}}/{name}", (f"/{name} cannot be read", why), code=1)
    yield Mistake("shared.workbench.report nowhere/n.jsonl", ("FROM=nowhere/n.jsonl cannot be read", NO_FILE), code=1)
    no_result = ("holds 1 line, but no result and no report of a rotation", "no page was written")
    for name in ("broken", "binary"):
        yield Mistake(
            f"shared.workbench.report {{folder}}/{name} -o {{folder}}/page.html", (f"/{name} ", *no_result), code=1
        )
    nodir = "{folder}/nodir/page.html"
    yield Mistake(f"shared.workbench.report {{folder}}/empty -o {nodir}", ("OUT=", "there is no folder"), code=1)
    yield Mistake("shared.workbench.report {folder}/empty -o {folder}/folder", ("OUT=", FOLDER), code=1)
    yield Mistake("shared.workbench.report {folder}/empty --now soon", ("RFC 3339", "2026-11-22T06:00:00Z"))
    yield Mistake("shared.workbench.bench --only wrong", ("there is no part wrong", "cold, warm"))
    yield Mistake("shared.workbench.bench --only wram", ("did you mean `warm`?", "ceiling"))
    yield Mistake("shared.workbench.bench --only ''", ("ONLY= names no part", "cold, warm"))
    yield Mistake("shared.workbench.verify tencent --only ''", ("ONLY= names no claim",))
    yield Mistake("shared.workbench.mutants --room ''", ("`` is none of",))
    yield Mistake("shared.workbench.bench --rounds no", ("`no` is no whole number from 1",))
    yield Mistake("shared.workbench.mutants --room cloud", ("did you mean `clouds`?",))
    yield Mistake("shared.workbench.package tencent folow_change", ("did you mean `follow_change`?",))
    yield Mistake(f"shared.workbench.scaffold {MISSPELT} tencent_redis_new", (f"did you mean `{ACCOUNT}`?",), 1, 4)
    yield Mistake("shared.workbench.scaffold '' ''", ("FROM and NAME are both required",))
    yield Mistake("shared.workbench.verify tencent --only T99", ("ONLY: there is no claim T99",))
    yield Mistake("shared.workbench.verify tencent --only A1", ("A1 is about Alibaba", "CLOUD=alibaba"))
    yield Mistake("shared.workbench.verify tencent --sandbox {folder}/nowhere", ("SANDBOX=", NO_FILE))
    yield Mistake("shared.workbench.schemas --chek", ("did you mean `--check`?",))
    yield Mistake("shared.workbench.operations tencnt", ("did you mean `tencent`?",))
    yield Mistake("shared.workbench.environment dmo", ("did you mean `demo`?",))


MISTAKES = [*cloud_mistakes(), *invoke_mistakes(), *account_mistakes(), *other_mistakes()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are none of what is asked for."""
    made = tmp_path_factory.mktemp("m")
    (made / "folder").mkdir()
    (made / "empty").touch()
    (made / "broken").write_text("a: [")
    (made / "binary").write_bytes(b"\x00\xff\xfe\x80")
    (made / "key.toml").write_text("rediss = 1\n")
    return made


def told(mistake: Mistake, cloud: Standin, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = prepared_environment(cloud, "tencent") | {"TMPDIR": str(folder)}
    del environ["KEYTURN_COMMANDS"]
    for name, value in mistake.settings.items():
        environ.pop(f"KEYTURN_{name}", None)
        if value is not None:
            environ[f"KEYTURN_{name}"] = value.format(folder=folder)
    words = [word.strip("'") for word in mistake.words.format(folder=folder).split(" ")]
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, stdin=-3
    )


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_said_in_a_few_lines(mistake: Mistake, cloud: Standin, folder: Path) -> None:
    done = told(mistake, cloud, folder)
    said = done.stderr
    assert (done.returncode, done.stdout) == (mistake.code, ""), said
    assert "Traceback" not in said and "Errno" not in said
    for text in mistake.says:
        assert text.format(folder=folder) in " ".join(said.split()), said
    lines = said.splitlines()
    assert 1 <= len(lines) <= mistake.most, said
    assert max(map(len, lines)) <= WIDEST, said
    assert not (folder / "no-page.html").exists()


@pytest.mark.parametrize("cloud_name", ["tencent", "alibaba"])
@pytest.mark.parametrize("verb", ["deploy plan", "deploy remove", "results", "rotate", "bootstrap", "verify"])
def test_whoever_has_no_keys_is_told_so_in_lines_that_fit(verb: str, cloud_name: str, cloud: Standin) -> None:
    environ = prepared_environment(cloud, cloud_name)
    keys = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID")
    environ = {name: value for name, value in environ.items() if name not in keys}
    policy = {"tencent": "quarterly-redis", "alibaba": "quarterly-tair"}[cloud_name]
    words = [*f"shared.workbench.{verb} {cloud_name}".split(), *([policy] if verb == "rotate" else [])]
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, stdin=-3
    )
    assert (done.returncode, "whose keys? set " in done.stderr) == (2, True), done.stderr
    assert max(map(len, done.stderr.splitlines())) <= WIDEST, done.stderr


def test_there_are_enough_of_them() -> None:
    assert len({str(one) for one in MISTAKES}) == len(MISTAKES) > 60


def test_a_port_in_use_is_said_at_once_and_nothing_on_stdout(cloud: Standin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "tests.cloud", "serve", f"--port={port}"], cwd=ROOT, capture_output=True, text=True
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"port {port} is in use: PORT=0 takes a free one" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and time.monotonic() - started < 30.0


def test_a_world_of_another_user_is_not_read(tmp_path: Path) -> None:
    world = tmp_path / "world.toml"
    world.touch(mode=0o000)
    words = [sys.executable, "-m", "tests.cloud", "serve", "--world", str(world)]
    if os.geteuid() == 0:  # without this right root reads as any other owner does
        words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *words]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "this user has no right to it" in done.stderr) == (2, True)


# --- help -------------------------------------------------------------------------------------------------------------

COMMANDS = [
    *("tests.cloud", *(f"tests.cloud {name}" for name in ("serve", "invoke", "run", "queue show", "demo"))),
    *("shared.workbench.deploy", *(f"shared.workbench.deploy {verb}" for verb in ("plan", "deploy", "remove", "call"))),
    *(f"shared.workbench.{name}" for name in ("rotate", "results", "report", "package", "bootstrap", "verify", "docs")),
    *(f"shared.workbench.{name}" for name in ("schemas", "scaffold", "bench", "mutants", "operations", "environment")),
    *("shared.workbench.operations.fleet_model", "tests.campaign"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example(command: str) -> None:
    words = [sys.executable, "-m", *command.split(), "--help"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nExample:\n  " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= WIDEST


# --- make -------------------------------------------------------------------------------------------------------------

BY_MAKE = {
    "invoke": ("which function?", "FUNCTION= is one of"),
    "cloud PORT=abc": ("PORT=abc is no number", "0 takes a free one"),
    "results CLOUD=tencent SINCE=": ("SINCE=: it takes a number",),
    "call CLOUD=tencent JSON=yes": ("JSON=yes means nothing: write JSON=1",),
    "rotate CLOUD=tencent": ("which policy?",),
    "bench ONLY=": ("ONLY= names no part",),
    "verify CLOUD=tencent ONLY=": ("ONLY= names no claim",),
    "mutants ROOM=": ("`` is none of",),
    "rotat": ("there is no target rotat: make help lists them",),
}


@pytest.mark.parametrize("words", BY_MAKE)
def test_a_variable_that_is_wrong_or_missing_is_named(words: str) -> None:
    """`SET_UP` is left out: it would look at the packages of this environment first."""
    environ = {**os.environ, "SET_UP": "@true", "PY": sys.executable}
    make = ["make", "--no-print-directory", "--environment-overrides", *words.split()]
    done = subprocess.run(make, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert all(text in done.stderr for text in BY_MAKE[words]), done.stderr
    assert "Traceback" not in done.stderr
