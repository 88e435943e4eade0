"""Whether the functions of serverless.yml run the local zips. This only reads, and makes no finding about a claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import access
from shared.workbench.deploy.code_digests import running_others
from shared.workbench.deploy.control_plane import CallFailed, Package, zip_path


def deployed_code(
    cloud: str, dist: Path, environ: Mapping[str, str], file: Path = ROOT / "serverless.yml"
) -> list[str]:
    """A line for each deployed function with the service's mark, or one line that says why there is none."""
    try:
        return list(_lines(cloud, dist, environ, file)) or ["no function of serverless.yml is deployed"]
    except (DescriptionError, access.Refused, CallFailed) as error:
        first = str(error).partition("\n")[0]
        return [f"the code of the functions was not checked: {first}"]


def _lines(cloud: str, dist: Path, environ: Mapping[str, str], file: Path) -> Iterator[str]:
    """Raises: DescriptionError, access.Refused, CallFailed."""
    description = load(file, cloud, environ)
    plane = access.control_plane(description, environ)
    paths = {spec.name: zip_path(spec, dist / cloud) for spec in description.functions}
    found = [one for one in plane.read(set(paths)) if one.made_by_deploy and one.name in paths]
    packages = {one.name: Package.of(paths[one.name]) for one in found if paths[one.name].is_file()}
    others = running_others(plane, found, packages)
    for one in found:
        zip_ = packages.get(one.name)
        if zip_ is None:
            yield f"{one.name}: there is no {paths[one.name]} to compare with: `make package CLOUD={cloud}` builds it"
        elif one.code != zip_.digest:
            yield f"{one.name}: runs another zip than {zip_.path}, as its description says"
        elif one.name in others:
            yield f"{one.name}: its description names {zip_.path}, but the platform reports other code"
        else:
            yield f"{one.name}: runs {zip_.path}"
