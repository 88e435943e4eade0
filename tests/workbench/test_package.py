"""The zips themselves: built, unpacked where nothing may be written, run by the platforms' Python with nothing else."""

from __future__ import annotations

import ast
import json
import marshal
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from shared.workbench.bundle.description import Description
from shared.workbench.bundle.loading import load
from shared.workbench.bundle.operations import FOLLOW, PLAN, operations
from shared.workbench.package.bytecode import compile_source
from shared.workbench.package.dependencies import PackageError, find_interpreter
from shared.workbench.package.imports import import_closure
from shared.workbench.package.zips import BuiltZip, build_zips
from tests.cloud.client.standin import Standin
from tests.cloud.invocation.bootstrap import invocation_context
from tests.cloud.invocation.runtime import platform_environment, role_keys
from tests.conftest import ACCOUNT, TAIR, Packages
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS
from tests.support.other_accounts import ROLES, two_accounts
from tests.support.programs import OPENSSL, PYTHON_3_10, PYTHON_3_12, require_program

pytestmark = pytest.mark.zips("zips are for Python 3.10")

ROOT = Path(__file__).parents[2]
PLATFORM = {"tencent": platform_events.SCF, "alibaba": platform_events.FC}
EACH = [(d, s.module) for d in PLATFORM for s in load(ROOT / "serverless.yml", d, {}).functions]
MAGIC = b"\x6f\x0d\r\n"  # Python 3.10's
UNCHECKED = (1).to_bytes(4, "little")  # PEP 552: by hash, never compared with a source

# What a platform does, by the standard library alone: import the handler from the zip's folder, call it once.
RUNNER = """
import json, sys
from types import SimpleNamespace as N

told = json.load(sys.stdin)
sys.path.insert(0, told["folder"])
context = json.loads(json.dumps(told["context"]), object_hook=(lambda d: N(**d)) if told["fc"] else None)
handler = getattr(__import__(told["module"]), "main_handler")
reply = handler(told["event"].encode() if told["fc"] else json.loads(told["event"]), context)
files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
foreign = [file for file in files if file.startswith(told["checkout"])]
print(json.dumps({"reply": reply, "foreign": foreign}))
"""


@dataclass(frozen=True)
class Zips:
    """What was built for both clouds, and where each zip is unpacked."""

    built: dict[tuple[str, str], BuiltZip]
    unpacked: dict[tuple[str, str], Path]


def described(cloud: str, **environ: str) -> Description:
    return load(ROOT / "serverless.yml", cloud, environ)


@pytest.fixture(scope="module")
def python() -> str:
    return require_program(PYTHON_3_10)


@pytest.fixture(scope="module")
def zips(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zips]:
    code = tmp_path_factory.mktemp("code")
    unpacked = {key: unpack(one.path, code / "-".join(key)) for key, one in packages.built.items()}
    yield Zips(packages.built, unpacked)
    for folder in unpacked.values():  # so that the fixture's own folder can be removed
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)


def unpack(path: Path, to: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(to)
    for inside in [*to.rglob("*"), to]:
        inside.chmod(0o555 if inside.is_dir() else 0o444)
    return to


def invoke(
    python: str, folder: Path, module: str, platform: str, event: str, tmp_path: Path, **settings: str
) -> dict[str, Any]:
    """One call in a fresh process that sees the unpacked zip, the standard library and an empty home."""
    env = platform_environment(module, platform, settings) | {"HOME": str(tmp_path), "PATH": "/nowhere"}
    env.setdefault("KEYTURN_RESULTS", f"sqlite://{tmp_path}/results.db")
    for cloud in PLATFORM:  # a platform takes a file as a queue beside a stand-in alone; this one is never asked
        env.setdefault(f"KEYTURN_{cloud.upper()}_ENDPOINT", "http://127.0.0.1:9")
    names = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
    if platform == platform_events.SCF:
        env |= dict(zip(names, role_keys(platform), strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
        patch.setenv("TENCENTCLOUD_APPID", "1250000000")
        context = invocation_context(platform, module, 20.0, role_keys(platform), lambda *_: None)
    told = {
        "folder": str(folder),
        "module": module,
        "fc": platform == platform_events.FC,
        "context": json.loads(json.dumps(context, default=vars)),
        "event": event,
        "checkout": str(ROOT),
    }
    command = [python, "-I", "-S", "-B", "-c", RUNNER]
    done = subprocess.run(
        command, input=json.dumps(told), env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert answer["foreign"] == []
    reply: dict[str, Any] = answer["reply"]
    return reply


def event_of(command: Any, platform: str, trigger: str) -> str:
    made = platform_events.event(command, platform, trigger)
    return made.decode() if isinstance(made, bytes) else json.dumps(made)


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_a_zip_alone_refuses_a_wrong_command_with_a_result(
    cloud: str, module: str, zips: Zips, python: str, tmp_path: Path
) -> None:
    platform, folder = PLATFORM[cloud], zips.unpacked[cloud, module]
    before = sorted(folder.rglob("*"))
    reply = invoke(python, folder, module, platform, event_of({}, platform, platform_events.HTTP), tmp_path)
    result = json.loads(reply["body"])["Result"]
    assert (result["data"]["Outcome"], result["data"]["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert reply["statusCode"] == 400
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("cloud", "module"), [each for each in EACH if each[1] not in ("follow_change", "plan_rotation")]
)
def test_a_zip_alone_changes_a_password(
    cloud: str, module: str, zips: Zips, python: str, tmp_path: Path, standin: Standin
) -> None:
    standin.reset()
    event = (ROOT / "events" / module / f"{PLATFORM[cloud]}-http.json").read_text()
    endpoints = {f"KEYTURN_{name.upper()}_ENDPOINT": standin.endpoint for name in PLATFORM}
    reply = invoke(python, zips.unpacked[cloud, module], module, PLATFORM[cloud], event, tmp_path, **endpoints)
    assert (reply["statusCode"], json.loads(reply["body"])["Delivered"]) == (200, True)


@pytest.mark.parametrize(("cloud", "module"), [("tencent", ACCOUNT), ("alibaba", TAIR)])
def test_a_zip_alone_works_in_another_account(
    cloud: str, module: str, zips: Zips, python: str, tmp_path: Path, standin: Standin
) -> None:
    standin.reset(**two_accounts("*"))
    command = {**VALID_COMMANDS[module], "Role": ROLES[cloud]}
    event = event_of(command, PLATFORM[cloud], platform_events.HTTP)
    settings = {f"KEYTURN_{name.upper()}_ENDPOINT": standin.endpoint for name in PLATFORM}
    settings["KEYTURN_ASSUME"] = ROLES[cloud]
    reply = invoke(python, zips.unpacked[cloud, module], module, PLATFORM[cloud], event, tmp_path, **settings)
    assert json.loads(reply["body"])["Result"]["data"]["Role"] == ROLES[cloud]
    assert reply["statusCode"] == 200


@pytest.mark.parametrize("cloud", PLATFORM)
def test_a_zip_alone_plans_a_rotation(cloud: str, zips: Zips, python: str, tmp_path: Path, standin: Standin) -> None:
    standin.reset()
    event = (ROOT / "events" / "plan_rotation" / f"{PLATFORM[cloud]}-http.json").read_text()
    endpoints = {f"KEYTURN_{name.upper()}_ENDPOINT": standin.endpoint for name in PLATFORM}
    folder = zips.unpacked[cloud, "plan_rotation"]
    reply = invoke(python, folder, "plan_rotation", PLATFORM[cloud], event, tmp_path, **endpoints)
    assert (reply["statusCode"], json.loads(reply["body"])["Delivered"]) == (202, True)


@pytest.mark.long
def test_a_zip_for_fcs_newer_runtime_changes_a_password_under_that_python(
    python: str, tmp_path: Path, standin: Standin
) -> None:
    newer = require_program(PYTHON_3_12)
    (one,) = build_zips(described("alibaba"), tmp_path / "dist", only=[TAIR], version="3.12")
    assert one.path.name == f"{TAIR}-py312.zip"
    with zipfile.ZipFile(one.path) as archive:
        archive.extractall(tmp_path / "code")
    standin.reset()
    event = (ROOT / "events" / TAIR / "fc-http.json").read_text()
    endpoint = {"KEYTURN_ALIBABA_ENDPOINT": standin.endpoint}
    reply = invoke(newer, tmp_path / "code", TAIR, platform_events.FC, event, tmp_path, **endpoint)
    assert (reply["statusCode"], json.loads(reply["body"])["Delivered"]) == (200, True)


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_a_zip_holds_its_function_and_nothing_of_the_other_cloud(cloud: str, module: str, zips: Zips) -> None:
    names = names_in(zips.built[cloud, module].path)
    assert {name for name in names if "/" not in name and name.endswith(".py")} == {f"{module}.py"}
    other, queue = ("alibaba", "smq") if cloud == "tencent" else ("tencent", "ckafka")
    assert not [name for name in names if name.startswith((f"shared/clouds/{other}", other)) or f"/{queue}" in name]
    assert not [name for name in names if name.startswith(("amqp/", "shared/queues/amqp"))]
    assert {f"shared/clouds/{cloud}/{name}.pyc" for name in ("session", "error_codes")} <= names
    products = {name.split("/")[1] for name in names if name.startswith("tencentcloud/") and name.count("/") > 1}
    listed = {"follow_change": {"redis"}, "plan_rotation": {"redis", "tcr"}}
    wanted = listed.get(module, {"redis"} if "redis" in module else {"tcr"})
    assert products == ({"common", "ckafka", "ssm"} | wanted if cloud == "tencent" else set())


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_a_zip_carries_no_leftovers(cloud: str, module: str, zips: Zips) -> None:
    wrong = re.compile(
        r"(^|/)(bin|tests?|events|workbench|__pycache__|RECORD|INSTALLER|REQUESTED|direct_url\.json)(/|$)"
        r"|\.(pyi|pyx|c|h|typed)$|_async\.pyc?$"
    )
    names = names_in(zips.built[cloud, module].path)
    assert not [name for name in names if wrong.search(name)]
    loads = {name for of, name in EACH if of == cloud and name in operations()} if module in (PLAN, FOLLOW) else set()
    entries = {f"functions/{name}.pyc" for name in ("__init__", module, *loads)}
    assert {name for name in names if name.startswith("functions/")} == entries


def test_a_zip_that_would_miss_an_operation_is_refused(tmp_path: Path) -> None:
    scf = described("tencent")
    stranger = replace(scf.functions[0], name="stranger", module="tencent_redis_without_a_file")
    with pytest.raises(PackageError, match=r"functions/tencent_redis_without_a_file\.py declares none"):
        build_zips(replace(scf, functions=(*scf.functions, stranger)), tmp_path, only=[FOLLOW])


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_what_is_in_a_zip_is_for_python_3_10_on_the_platforms(cloud: str, module: str, zips: Zips) -> None:
    with zipfile.ZipFile(zips.built[cloud, module].path) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        for name in names:
            if name.endswith(".pyc"):
                assert archive.read(name)[:8] == MAGIC + UNCHECKED, name
    assert all(re.search(r"\.(cpython-310-x86_64-linux-gnu|abi3)\.so$", n) for n in names if n.endswith(".so"))
    assert [name for name in names if name.endswith(".py")] == [f"{module}.py"]


@pytest.mark.parametrize(("cloud", "module"), EACH)
def test_a_zip_is_within_its_budget(cloud: str, module: str, zips: Zips) -> None:
    one = zips.built[cloud, module]
    assert not one.over_budget
    assert replace(one, spec=replace(one.spec, budget_mb=1.0)).over_budget
    assert one.files == len(names_in(one.path))
    assert one.largest[0][1] > one.largest[-1][1] > 0


@pytest.mark.parametrize("module", [ACCOUNT, TAIR])
def test_the_same_inputs_give_the_same_bytes(module: str, zips: Zips, tmp_path: Path) -> None:
    cloud = module.partition("_")[0]
    (again,) = build_zips(described(cloud), tmp_path, only=[module])
    assert again.path.read_bytes() == zips.built[cloud, module].path.read_bytes()


@pytest.mark.parametrize("module", [ACCOUNT, TAIR])
def test_only_a_function_that_seals_carries_cryptography(module: str, zips: Zips, tmp_path: Path) -> None:
    cloud = module.partition("_")[0]
    assert not [n for n in names_in(zips.built[cloud, module].path) if re.match(r"joserfc|cryptography.*\.so|_cffi", n)]
    text = (ROOT / "serverless.yml").read_text()
    text = text.replace(f"        name: {module}\n", f"        name: {module}\n        seals: true\n", 1)
    (tmp_path / "serverless.yml").write_text(text)
    description = load(tmp_path / "serverless.yml", cloud, {})
    (one,) = build_zips(description, tmp_path / "dist", only=[module])
    assert one.spec.seals and one.spec.budget_mb == zips.built[cloud, module].spec.budget_mb + 5
    assert not one.over_budget
    names = names_in(one.path)
    assert "joserfc/jwe.pyc" in names
    assert [n for n in names if n.startswith("_cffi_backend.")]
    assert [n for n in names if n.startswith("cryptography/hazmat/bindings/_rust") and n.endswith(".so")]
    assert "cryptography/hazmat/primitives/serialization.pyc" not in names  # the stand-in; the real one is a folder
    code = "import sys; sys.path.insert(0, sys.argv[1]); from joserfc import jwe, jwk; jwk.ECKey.generate_key('P-256')"
    folder = unpack(one.path, tmp_path / "code")
    done = subprocess.run(
        [find_interpreter("3.10").path, "-I", "-S", "-B", "-c", code, str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_an_operation_on_the_other_platform_carries_its_own_clouds_client(python: str, tmp_path: Path) -> None:
    scf = described("tencent", KEYTURN_RESULTS="amqps://u:not-a-secret@mq.example/v?queue=results")
    tair = next(spec for spec in described("alibaba").functions if spec.module == TAIR)
    here = replace(scf, functions=(replace(tair, environment=scf.functions[0].environment),))
    (one,) = build_zips(here, tmp_path / "dist")
    names = names_in(one.path)
    assert {f"shared/clouds/{name}.pyc" for name in ("alibaba/tair", "tencent/ckafka", "tencent/error_codes")} | {
        "shared/queues/amqp.pyc"
    } <= names
    assert {"alibabacloud_r_kvstore20150101/__init__.pyc", "amqp/__init__.pyc", "tencentcloud/__init__.pyc"} <= names
    assert "shared/queues/smq.pyc" not in names
    assert not [name for name in names if name.startswith(("tencentcloud/redis", "shared/clouds/tencent/redis"))]
    folder = unpack(one.path, tmp_path / "code")
    reply = invoke(
        python, folder, TAIR, platform_events.SCF, event_of({}, platform_events.SCF, platform_events.HTTP), tmp_path
    )
    assert reply["statusCode"] == 400


def test_nothing_that_ships_imports_the_workbench() -> None:
    for entry in (ROOT / "functions").glob("[!_]*.py"):
        assert not [
            name for name in import_closure(entry, ROOT, lambda _: True).own if name.startswith("shared.workbench")
        ]
    shipped = [file for file in (ROOT / "shared").rglob("*.py") if "workbench" not in file.relative_to(ROOT).parts]
    for file in shipped:
        named = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Import | ast.ImportFrom)]
        assert "workbench" not in " ".join(ast.unparse(node) for node in named), file


def test_imports_are_followed_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "shared" / "rooms").mkdir(parents=True)
    files = {
        "entry.py": "def late():\n    from shared.rooms import one\n",
        "shared/__init__.py": "",
        "shared/rooms/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import shared.never\n",
        "shared/rooms/one.py": "from . import two\nfrom .two import name\nimport vendor.client\n",
        "shared/rooms/two.py": "try:\n    import shared.left\nexcept ImportError:\n    pass\nname = 1\n",
        "shared/left.py": "import other_vendor\n",
        "shared/never.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = import_closure(tmp_path / "entry.py", tmp_path, lambda module: module != "shared.left")
    assert found.own == {"shared", "shared.rooms", "shared.rooms.one", "shared.rooms.two"}
    assert "vendor.client" in found.foreign
    assert "other_vendor" not in found.foreign


def test_bytecode_has_no_set_whose_order_hangs_on_an_address() -> None:
    source = b"a = [x in {None, 'b'} for x in {None, 'c'}]\nfor y in {None, 1}: pass\nsame = {None} == set([None])\n"
    content = compile_source(source, "m.py")
    code = marshal.loads(content[16:])
    assert content[4:8] == UNCHECKED
    assert not [const for const in constants(code) if isinstance(const, frozenset)]
    values: dict[str, Any] = {}
    exec(code, values)
    assert (sorted(values["a"]), values["same"]) == ([False, True], True)


def constants(code: CodeType) -> Iterator[object]:
    for const in code.co_consts:
        yield from constants(const) if isinstance(const, CodeType) else [const]


def test_a_runtime_that_a_platform_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="scf is built for Python"):
        build_zips(described("tencent"), tmp_path, version="3.12")
    with pytest.raises(PackageError, match="fc is built for Python"):
        build_zips(described("alibaba"), tmp_path, version="3.11")


def names_in(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("cloud", PLATFORM)
def test_a_zip_trusts_certifis_cas_by_the_names_that_openssl_looks_for(cloud: str, zips: Zips) -> None:
    """The referee is the `openssl` program: each CA stands under the hash of its subject, and none is missing."""
    openssl = require_program(OPENSSL)
    (folder, *_) = (folder for (of, _), folder in zips.unpacked.items() if of == cloud)
    cas = sorted((folder / "shared" / "runtime" / "authorities").iterdir())
    bundle = (folder / "certifi" / "cacert.pem").read_text()
    for ca in cas:
        told = subprocess.run(
            [openssl, "x509", "-noout", "-subject_hash", "-in", str(ca)], capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == ca.stem
        assert ca.read_text() in bundle
    assert len(cas) == len({ca.read_text() for ca in cas}) == bundle.count("BEGIN CERTIFICATE") > 100
