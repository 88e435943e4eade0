"""What a function loads before its first answer, and what it leaves until somebody asks for it.

The zips run alone, in fresh processes; nothing here measures time. A new import that every cold start would pay for
fails the lists below: add it there only if each call needs it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.package.dependencies import SHIMS
from tests.cloud.client.standin import Standin
from tests.cloud.invocation.bootstrap import invocation_context
from tests.cloud.invocation.runtime import platform_environment, role_keys
from tests.conftest import Packages
from tests.support import platform_events
from tests.support.programs import PYTHON_3_10, require_program

pytestmark = pytest.mark.zips("zips are for Python 3.10")

ROOT = Path(__file__).parents[2]
ACCOUNT, TAIR = "tencent_redis_modify_instance_account", "alibaba_tair_modify_account_password"
FUNCTIONS = {ACCOUNT: ("tencent", platform_events.SCF), TAIR: ("alibaba", platform_events.FC)}

# The packages that a first call may load beside the standard library (charset_normalizer: its version alone), and how
# many modules in all.
PACKAGES = {
    ACCOUNT: {"certifi", "charset_normalizer", "requests", "tencentcloud", "urllib3"},
    TAIR: {
        *("Tea", "aiohttp", "alibabacloud_credentials", "alibabacloud_credentials_api", "alibabacloud_gateway_spi"),
        *("alibabacloud_r_kvstore20150101", "alibabacloud_tea_openapi", "certifi", "charset_normalizer"),
        *("cryptography", "darabonba", "requests", "urllib3", "websocket"),
    },
}
OURS = {"annotated_types", "pydantic", "pydantic_core", "shared", "typing_extensions", "typing_inspection"}
# As the import system counts them, names that `requests` gives twice included.
MOST_MODULES = {ACCOUNT: 444, TAIR: 523}

RUNNER = """
import json, sys
from types import SimpleNamespace as N

told = json.load(sys.stdin)
sys.path.insert(0, told["folder"])
ran, compiled = set(), []
if told["trace"]:
    def trace(frame, event, called):
        if event == "call":
            ran.add(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}")
        elif event == "c_call" and called.__name__ == "validate_python":
            ran.add(f"{type(called.__self__).__module__}.{type(called.__self__).__name__}.{called.__name__}")
    sys.setprofile(trace)
sys.addaudithook(lambda event, given: compiled.append(given[0]) if event == "compile" else None)
context = json.loads(json.dumps(told["context"]), object_hook=(lambda d: N(**d)) if told["fc"] else None)
handler = getattr(__import__(told["module"]), "main_handler")
reply = handler(told["event"].encode() if told["fc"] else json.loads(told["event"]), context)
sys.setprofile(None)
texts = [text.decode() if isinstance(text, bytes) else str(text) for text in compiled if text]
modules = list(sys.modules.items())
def run(module):
    return type(module).__name__ != "_Later" and str(getattr(module, "__file__", "")).startswith(told["folder"])
loaded = sorted({name for name, module in modules if run(module)})
late = sorted({name for name, module in modules if type(module).__name__ == "_Later"})
exec(told["then"])
print(json.dumps({"reply": reply, "loaded": loaded, "late": late, "all": len(modules), "ran": sorted(ran),
    "compiled": texts, "collects": __import__("gc").isenabled()}))
"""


@pytest.fixture(scope="module")
def python() -> str:
    return require_program(PYTHON_3_10)


@pytest.fixture(scope="module")
def folders(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    code = tmp_path_factory.mktemp("code")
    for module, (cloud, _) in FUNCTIONS.items():
        with zipfile.ZipFile(packages.built[cloud, module].path) as archive:
            archive.extractall(code / module)
    return {module: code / module for module in FUNCTIONS}


def first_call(
    python: str, folder: Path, module: str, tmp_path: Path, standin: Standin, *, trace: bool = False, then: str = ""
) -> dict[str, Any]:
    """A fresh process's first call, which changes a password; `then` is Python that runs after it."""
    platform = FUNCTIONS[module][1]
    settings = {f"KEYTURN_{cloud.upper()}_ENDPOINT": standin.endpoint for cloud in ("tencent", "alibaba")}
    settings["KEYTURN_RESULTS"] = f"sqlite://{tmp_path}/results.db"
    env = platform_environment(module, platform, settings) | {"HOME": str(tmp_path), "PATH": "/nowhere"}
    if platform == platform_events.SCF:
        names = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
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
        "event": (ROOT / "events" / module / f"{platform}-http.json").read_text(),
        "trace": trace,
        "then": then,
    }
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", RUNNER],
        input=json.dumps(told),
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert answer["reply"]["statusCode"] == 200, answer["reply"]
    return answer


@pytest.mark.parametrize("module", FUNCTIONS)
def test_a_first_call_compiles_no_text_but_its_entry(
    module: str, folders: dict[str, Path], python: str, tmp_path: Path, cloud: Standin
) -> None:
    answer = first_call(python, folders[module], module, tmp_path, cloud)
    texts = [
        text for text in answer["compiled"] if not text.startswith(("\ndef is_", "\ndef _is_"))
    ]  # typing_inspection
    assert texts == [(folders[module] / f"{module}.py").read_text()]
    assert answer["collects"]


@pytest.mark.parametrize("module", FUNCTIONS)
def test_a_first_call_loads_what_the_list_says_and_no_more(
    module: str, folders: dict[str, Path], python: str, tmp_path: Path, cloud: Standin
) -> None:
    answer = first_call(python, folders[module], module, tmp_path, cloud)
    tops = {name.partition(".")[0] for name in answer["loaded"]}
    assert tops == PACKAGES[module] | OURS | {module, "functions"}
    assert [name for name in answer["loaded"] if name.startswith("charset")] == ["charset_normalizer.version"]
    assert answer["all"] <= MOST_MODULES[module]
    # No command of these names a role.
    assert not [name for name in answer["loaded"] if "assumed_roles" in name or name.endswith(".sts")]


@pytest.mark.parametrize(
    ("module", "late"),
    [
        (ACCOUNT, {"tencentcloud.redis.v20180412.models", "charset_normalizer", "configparser", "idna"}),
        (
            TAIR,
            {
                "alibabacloud_r_kvstore20150101.models",
                "alibabacloud_credentials.provider.default",
                "alibabacloud_credentials.provider.ecs_ram_role",
                "asyncio",
                "charset_normalizer",
                "idna",
            },
        ),
    ],
)
def test_what_a_call_does_not_touch_is_still_to_be_loaded_after_it(
    module: str, late: set[str], folders: dict[str, Path], python: str, tmp_path: Path, cloud: Standin
) -> None:
    assert late <= set(first_call(python, folders[module], module, tmp_path, cloud)["late"])


@pytest.mark.parametrize(
    ("module", "then"),
    [
        (
            ACCOUNT,
            "from tencentcloud.redis.v20180412 import models\n"
            "assert type(models).__name__ == '_Later'\n"
            "assert models.ModifyInstanceAccountRequest().InstanceId is None\n"
            "assert type(models).__name__ == 'module'\n"
            "from requests.compat import chardet\n"
            "assert chardet.detect('Grüße aus München, schöne Straße'.encode())['encoding']\n",
        ),
        (
            TAIR,
            "from alibabacloud_r_kvstore20150101 import models\n"
            "assert type(models).__name__ == '_Later'\n"
            "assert models.ModifyAccountPasswordRequest(account_name='a').to_map() == {'AccountName': 'a'}\n"
            "from alibabacloud_credentials.provider import ProfileCredentialsProvider, URLCredentialsProvider\n"
            "provider = URLCredentialsProvider(uri='http://127.0.0.1:1/')\n"
            "assert type(provider).__name__ == 'URLCredentialsProvider'\n"
            "assert isinstance(provider, URLCredentialsProvider)\n"
            "import asyncio\n"
            "assert asyncio.run(asyncio.sleep(0, 7)) == 7\n",
        ),
    ],
)
def test_what_was_put_off_works_when_it_is_used(
    module: str, then: str, folders: dict[str, Path], python: str, tmp_path: Path, cloud: Standin
) -> None:
    first_call(python, folders[module], module, tmp_path, cloud, then=then)


@pytest.mark.parametrize(
    ("module", "ran"),
    [
        (
            ACCOUNT,
            {
                "pydantic_core._pydantic_core.SchemaValidator.validate_python",
                "tencentcloud.common.abstract_client.call_json",
                "tencentcloud.common.abstract_client._build_req_with_tc3_signature",
                "tencentcloud.common.sign.sign_tc3",
                "requests.sessions.send",
            },
        ),
        (
            TAIR,
            {
                "pydantic_core._pydantic_core.SchemaValidator.validate_python",
                "alibabacloud_tea_openapi.client.call_api",
                "alibabacloud_tea_openapi.client.do_request",
                "alibabacloud_tea_openapi.utils.get_authorization",
                "darabonba.core.do_action",
            },
        ),
    ],
)
def test_pydantic_validates_and_the_vendors_own_client_signs_and_sends_the_call(
    module: str, ran: set[str], folders: dict[str, Path], python: str, tmp_path: Path, cloud: Standin
) -> None:
    answer = first_call(python, folders[module], module, tmp_path, cloud, trace=True)
    assert ran <= set(answer["ran"]), sorted(
        name for name in answer["ran"] if name.startswith(("tencent", "alib", "dara"))
    )
    assert [call["Code"] for call in cloud.calls() if call["Action"].startswith("Modify")] == [""]


USES = {
    "aiohttp": ["aiohttp.ClientSession()", "aiohttp.ClientResponse()", "aiohttp.TCPConnector(limit=1)"],
    "aiofiles": ["aiofiles.open('x')"],
    "apscheduler.schedulers.background": ["apscheduler.schedulers.background.BackgroundScheduler()"],
    "cryptography.hazmat.primitives.serialization": [
        "cryptography.hazmat.primitives.serialization.load_pem_private_key(b'', password=None)"
    ],
    "cryptography.hazmat.primitives.hashes": ["cryptography.hazmat.primitives.hashes.SHA256()"],
    "cryptography.hazmat.primitives.asymmetric.padding": [
        "cryptography.hazmat.primitives.asymmetric.padding.PKCS1v15()"
    ],
    "websocket": ["websocket.WebSocketApp('ws://127.0.0.1')"],
}


def test_a_stand_in_for_a_package_raises_when_it_is_used(folders: dict[str, Path], python: str) -> None:
    assert {name.partition(".")[0] for name in USES} == SHIMS
    for name, uses in USES.items():
        for use in uses:
            code = f"import sys; sys.path.insert(0, {str(folders[TAIR])!r}); import {name}; {use}"
            done = subprocess.run([python, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, timeout=60)
            assert done.returncode == 1
            assert "RuntimeError" in done.stderr.splitlines()[-1], use
            assert "is not in this package" in done.stderr.splitlines()[-1], use


def test_two_threads_that_ask_at_once_find_a_whole_module(tmp_path: Path) -> None:
    (tmp_path / "slow_module.py").write_text("import time\ntime.sleep(0.2)\nvalue = 7\nclass Kind:\n    pass\n")
    code = (
        "import sys, threading; sys.path[:0] = sys.argv[1:]\n"
        "from shared.runtime import lazy_import\n"
        "with lazy_import.deferred({'slow_module'}.__contains__, {'slow_module': ['Kind']}):\n"
        "    import slow_module\n"
        "    from slow_module import Kind\n"
        "assert 'value' not in vars(slow_module)\n"
        "seen = []\n"
        "threads = [threading.Thread(target=lambda: seen.append(slow_module.value)) for _ in range(4)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "assert seen == [7] * 4, seen\n"
        "assert isinstance(Kind(), slow_module.Kind) and isinstance(slow_module.Kind(), Kind)\n"
        "try:\n    slow_module.nothing\nexcept AttributeError:\n    pass\nelse:\n    raise SystemExit(1)\n"
        "assert not [finder for finder in sys.meta_path if type(finder).__name__ == '_Finder']\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(ROOT), str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
