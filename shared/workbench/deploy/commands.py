"""`plan`, `deploy`, `remove`: serverless.yml and the packages on the platform, through the vendors' own SDKs.

`plan` reads what is there, shows the difference and keeps it in dist/<cloud>/plan.json. `deploy` does what was
planned, unless either side has changed since; without a plan it draws its own. Both may be interrupted and repeated at
any point. Only what carries deploy's mark is ever changed or removed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from shared.runtime.loopback import is_loopback
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import Description, FunctionSpec
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import handoff_key
from shared.workbench.deploy.code_digests import check_code
from shared.workbench.deploy.control_plane import SHOWN_WITHIN_S, CallFailed, ControlPlane, Package, Patience
from shared.workbench.deploy.plan import FunctionState, Plan, Step, make_plan
from shared.workbench.deploy.policies import render

DONE, FAILED, WRONG_USE, OUT_OF_DATE = 0, 1, 2, 3

_KEYS = {
    "tencent": {"id": "TENCENTCLOUD_SECRET_ID", "key": "TENCENTCLOUD_SECRET_KEY", "token": "TENCENTCLOUD_TOKEN"},
    "alibaba": {
        "id": "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "key": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "token": "ALIBABA_CLOUD_SECURITY_TOKEN",
    },
}
# A signed request has 10 MB at most (https://cloud.tencent.com/document/api/213/30654), and base64 adds a third. Larger
# zips go by way of COS, which deploy does not use.
_SCF_ZIP_BYTES = (10 * 1024 * 1024 - 64 * 1024) * 3 // 4
_ENDPOINTS = {"tencent": "KEYTURN_TENCENT_ENDPOINT", "alibaba": "KEYTURN_ALIBABA_ENDPOINT"}


class Refused(Exception):
    """Nothing was called or changed; the text says why."""


def main(verb: str, argv: list[str]) -> int:
    """Exit 0: done. 1: a step failed, or something forbids the plan. 2: wrong use. 3: the plan is out of date."""
    parser = argparse.ArgumentParser(prog=f"python -m shared.workbench.deploy {verb}", description=__doc__)
    parser.add_argument("cloud", choices=("tencent", "alibaba"))
    parser.add_argument("--file", type=Path, default=ROOT / "serverless.yml", help="another serverless.yml")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where packages and the plan are")
    parser.add_argument("--as-built", action="store_true", help="take the packages in DIST, do not build them anew")
    options = parser.parse_args(argv)
    try:
        description = stand_in_settings(
            load(options.file, options.cloud, os.environ, to_deploy=verb != "remove"), os.environ
        )
        if verb != "remove":
            description = handoff_key.with_given_key(description, os.environ)
        plane = control_plane(description, os.environ)
        if verb == "remove":
            return remove(plane, options.dist / options.cloud)
        packages = find_packages(description, options.dist, build=not options.as_built)
        if verb == "deploy":
            return deploy(plane, description, packages, options.dist / options.cloud)
        print(render(description))
        return plan(plane, description, packages, options.dist / options.cloud)
    except DescriptionError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except (Refused, handoff_key.KeyProblem) as error:
        print(f"{verb}: {error}", file=sys.stderr)
        return WRONG_USE
    except CallFailed as error:
        print(f"{verb}: {error}{': ' + error.advice if error.advice else ''}", file=sys.stderr)
        return FAILED


def plan(plane: ControlPlane, description: Description, packages: Mapping[str, Package], folder: Path) -> int:
    """Show what `deploy` would do, and keep that."""
    drawn, _, _ = _draw(plane, description, packages)
    _show(drawn)
    if drawn.obstacles:
        return FAILED
    _keep(drawn, folder)
    print(f"{len(drawn.steps)} steps; `make deploy CLOUD={description.cloud}` does them" if drawn.steps else _EQUAL)
    return DONE


_EQUAL = "nothing to change: the platform is as serverless.yml and the packages say"


def deploy(plane: ControlPlane, description: Description, packages: Mapping[str, Package], folder: Path) -> int:
    """Do the steps of the kept plan, or of a fresh one, and print the addresses."""
    drawn, found, description = _draw(plane, description, packages)
    kept = folder / "plan.json"
    if kept.exists():
        if stale := _stale(kept, drawn):
            print(f"deploy: {stale} since the plan was made: look at it again with `make plan`", file=sys.stderr)
            return OUT_OF_DATE
    else:
        _show(drawn)
    if drawn.obstacles:
        return FAILED
    kept.unlink(missing_ok=True)  # whatever comes now, the plan no longer fits
    if not drawn.steps:
        print(_EQUAL)
        _show_urls(found, description)
        return DONE
    final = handoff_key.with_new_key(description)
    if not _apply(plane, drawn.steps, {spec.name: spec for spec in final.functions}, packages, "deploy"):
        return FAILED
    wanted = [plane.wanted(spec, packages[spec.name]) for spec in final.functions]
    found = Patience(SHOWN_WITHIN_S).until(
        lambda: plane.read({one.name for one in wanted}),
        lambda seen: not make_plan(wanted, seen).steps and _urls(seen).keys() >= set(_called(description)),
    )
    _show_urls(found, description)
    if differing := make_plan(wanted, found).steps:
        print("deploy: every step was taken, and the platform does not show what follows", file=sys.stderr)
        _tell("still to do", differing)
        return FAILED
    return DONE


def remove(plane: ControlPlane, folder: Path) -> int:
    """Remove every function and trigger that `deploy` made, and nothing else."""
    drawn = make_plan((), plane.read(set()))
    _show(drawn)
    (folder / "plan.json").unlink(missing_ok=True)
    if not drawn.steps:
        print("nothing to remove")
    elif not _apply(plane, drawn.steps, {}, {}, "remove"):
        return FAILED
    return FAILED if drawn.notes else DONE


def identity(cloud: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The keys of the person who deploys or calls: id, key and perhaps token. Raises: Refused."""
    names = _KEYS[cloud]
    keys = {part: environ[name] for part, name in names.items() if environ.get(name)}
    if missing := [names[part] for part in ("id", "key") if part not in keys]:
        raise Refused(f"whose keys? set {' and '.join(missing)}, and {names['token']} if the keys are temporary")
    return keys


def control_plane(description: Description, environ: Mapping[str, str]) -> ControlPlane:
    """The platform's API as the deploying identity. Raises: Refused."""
    keys = identity(description.cloud, environ)
    endpoint = environ.get(_ENDPOINTS[description.cloud], "").rstrip("/") or None
    if endpoint and not (endpoint.startswith("https://") or _is_loopback(endpoint)):
        raise Refused(f"{_ENDPOINTS[description.cloud]} must be https://HOST, or http:// to this machine")
    try:
        if description.platform == "scf":
            from shared.workbench.deploy.scf import ScfPlane

            site = environ.get("KEYTURN_SITE") or "domestic"
            return ScfPlane(keys, description.region, site, description.service, endpoint)
        from shared.workbench.deploy.fc import FcPlane

        return FcPlane(keys, description.region, description.service, endpoint)
    except ImportError as error:
        raise Refused(f"the SDK of {description.cloud} is not installed: no module {error.name}") from None


def stand_in_settings(description: Description, environ: Mapping[str, str]) -> Description:
    """Functions on a stand-in of the cloud reach it where `deploy` does; on the cloud, nothing is added."""
    local = {name: url for name in _ENDPOINTS.values() if _is_loopback(url := environ.get(name, ""))}
    if _ENDPOINTS[description.cloud] not in local:
        return description
    specs = tuple(replace(spec, environment={**local, **spec.environment}) for spec in description.functions)
    return replace(description, functions=specs)


def _is_loopback(url: str) -> bool:
    host = url.removeprefix("http://").partition("/")[0].rpartition(":")[0]
    return url.startswith("http://") and is_loopback(host)


def find_packages(description: Description, dist: Path, *, build: bool) -> dict[str, Package]:
    """Function name -> its zip, built first if so asked. Raises: Refused."""
    if build:
        from shared.workbench.package.dependencies import PackageError
        from shared.workbench.package.zips import build_zips as build_all

        versions = {spec.runtime.lower().removeprefix("python") for spec in description.functions}
        print(f"building {len(description.functions)} packages", flush=True)
        try:
            for version in sorted(versions):
                only = [one.module for one in description.functions if one.runtime.lower().endswith(version)]
                built = build_all(description, dist, only=only, version=version)
                if over := [one.spec.module for one in built if one.over_budget]:
                    raise Refused(f"over budget: {', '.join(over)}; see `make package`")
        except PackageError as error:
            raise Refused(str(error)) from None
    found = {}
    for spec in description.functions:
        path = dist / description.cloud / _zip_name(spec)
        try:
            found[spec.name] = Package.of(path)
        except OSError:
            raise Refused(f"{path} is not there: `make package CLOUD={description.cloud}` builds it") from None
        if description.platform == "scf" and path.stat().st_size > _SCF_ZIP_BYTES:
            most = f"{_SCF_ZIP_BYTES / 1e6:.1f} MB"
            raise Refused(f"{path.name} is over {most}, the most that a signed request of Tencent's carries")
    return found


def _zip_name(spec: FunctionSpec) -> str:
    version = spec.runtime.lower().removeprefix("python")
    return f"{spec.module}{'' if version == '3.10' else '-py' + version.replace('.', '')}.zip"


def _draw(
    plane: ControlPlane, description: Description, packages: Mapping[str, Package]
) -> tuple[Plan, list[FunctionState], Description]:
    """The plan, what is on the platform, and the description with the bundle's key. Raises: KeyProblem."""
    print(f"reading {description.platform} in {description.region}", flush=True)
    checked = check_code(plane, plane.read({spec.name for spec in description.functions}), packages)
    found = checked.functions
    description = handoff_key.with_kept_key(description, found)
    drawn = make_plan([plane.wanted(spec, packages[spec.name]) for spec in description.functions], found)
    if names := handoff_key.functions_not_believed(description, found):
        text = f"messages that {', '.join(names)} sent before will not be believed: the key that signed them goes"
        advice = f"set {handoff_key.NAME} to both, comma-separated, until they have all been read"
        drawn = replace(drawn, notes=(*drawn.notes, f"{text}; {advice}"))
    return replace(drawn, notes=(*drawn.notes, *checked.notes)), found, description


def _show(drawn: Plan) -> None:
    for line in drawn.lines():
        print(line)
    for note in drawn.notes:
        print(f"note: {note}")
    for obstacle in drawn.obstacles:
        print(f"in the way: {obstacle}", file=sys.stderr)


def _keep(drawn: Plan, folder: Path) -> None:
    """The plan as a file of this user's alone: digests and shown lines, no setting's value beyond those."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "plan.json.part"
    part.touch(mode=0o600)
    text = json.dumps({"read": drawn.read, "wanted": drawn.wanted, "steps": drawn.lines()}, indent=1)
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(folder / "plan.json")


def _stale(kept: Path, drawn: Plan) -> str:
    """What has changed since the plan was kept; an empty string if nothing."""
    try:
        plan = json.loads(kept.read_text(encoding="utf-8"))
        read, wanted = plan["read"], plan["wanted"]
    except (OSError, ValueError, KeyError, TypeError):
        return "the file of the plan has changed"
    changed = [
        text
        for text, fits in (
            ("what is on the platform has changed", read == drawn.read),
            ("serverless.yml, the environment or a package has changed", wanted == drawn.wanted),
        )
        if not fits
    ]
    return " and ".join(changed)


def _apply(
    plane: ControlPlane,
    steps: tuple[Step, ...],
    specs: Mapping[str, FunctionSpec],
    packages: Mapping[str, Package],
    verb: str,
) -> bool:
    """Do the steps in order; at the first that fails say what was done, what was not, and how to go on."""
    for number, step in enumerate(steps):
        print(f"[{number + 1}/{len(steps)}] {step.title()} ... ", end="", flush=True)
        started = time.monotonic()
        try:
            _do(plane, step, specs, packages)
        except CallFailed as error:
            print("failed")
            maybe = " It may have had its effect all the same." if error.may_have_happened else ""
            print(f"{verb}: {error}{': ' + error.advice if error.advice else ''}.{maybe}", file=sys.stderr)
            _tell("done", steps[:number])
            _tell("not done", steps[number:])
            print(f"{verb}: put that right and run it again: it goes on from here", file=sys.stderr)
            return False
        print(f"{time.monotonic() - started:.1f} s")
    return True


def _tell(what: str, steps: tuple[Step, ...]) -> None:
    for step in steps:
        print(f"{what}: {step.title()}", file=sys.stderr)


def _do(plane: ControlPlane, step: Step, specs: Mapping[str, FunctionSpec], packages: Mapping[str, Package]) -> None:
    """One step, and the wait until the function is active again."""
    if step.action == "delete trigger":
        plane.delete_trigger(step.function, step.trigger, step.kind)
        return
    if step.action == "delete function":
        plane.delete(step.function)
        return
    spec, package = specs[step.function], packages[step.function]
    if step.action == "create function":
        plane.create(spec, package)
    elif step.action == "change code":
        plane.change_code(spec, package)
    elif step.action == "change settings":
        plane.change_settings(spec, package)
    elif step.action == "change retries":
        plane.change_retries(spec)
    elif step.action == "create trigger":
        plane.create_trigger(spec, step.trigger)
    else:
        plane.change_trigger(spec, step.trigger)
    if step.action in ("create function", "change code", "change settings"):
        plane.settle(step.function)


def _show_urls(found: list[FunctionState], description: Description) -> None:
    urls = _urls(found)
    signature = "TC3-HMAC-SHA256, service scf" if description.platform == "scf" else "ACS3-HMAC-SHA256"
    for name in _called(description):
        late = "its address does not show yet: `make deploy` prints it later"
        print(f"{name}: {urls[name]} (POST, signed with {signature})" if name in urls else f"{name}: {late}")


def _called(description: Description) -> list[str]:
    """The functions that have an address."""
    return [spec.name for spec in description.functions if spec.http]


def _urls(found: list[FunctionState]) -> dict[str, str]:
    """The addresses that the platform shows, by function."""
    return {one.name: trigger.url for one in found for trigger in one.triggers if trigger.url}
