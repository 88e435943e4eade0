"""The content of a zip as CycloneDX 1.6: its distributions with the hashes of their wheels, and keyturn itself.

The SBOM contains no time and nothing random: the same zip gives the same text.
Source: https://cyclonedx.org/docs/1.6/json/.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID, uuid5

from shared.workbench.package.installed import Distribution

_SERIAL_NUMBERS = UUID("d05c2230-cc25-5ff3-8688-b6f050b1bb84")  # keyturn's own namespace, for version 5 UUIDs


def sbom(zip_name: str, zip_sha256: str, version: str, distributions: Iterable[Distribution]) -> str:
    """The SBOM of one zip. `version`: keyturn's version."""
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    def component(kind: ComponentType, url: PackageURL, sha256: str) -> Component:
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=sha256)]
        return Component(type=kind, name=url.name, version=url.version, purl=url, bom_ref=str(url), hashes=hashes)

    ours = PackageURL("generic", name="keyturn", version=version, qualifiers={"file_name": zip_name})
    whole = component(ComponentType.APPLICATION, ours, zip_sha256)
    parts = [
        component(ComponentType.LIBRARY, PackageURL("pypi", name=one.name, version=one.version), one.sha256)
        for one in distributions
    ]
    made = Bom(components=parts, serial_number=uuid5(_SERIAL_NUMBERS, zip_sha256))
    made.metadata.timestamp = None  # type: ignore[assignment]  # the format lets it be absent, the library's type does not
    made.metadata.component = whole
    made.register_dependency(whole, parts)
    return f"{JsonV1Dot6(made).output_as_string(indent=2)}\n"
