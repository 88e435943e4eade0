"""Which zip a function runs: by its description, and by the digest that its platform reports of the code."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import Any

import pytest
from alibabacloud_fc20230330 import models

from shared.workbench.deploy.code_digests import crc64, is_of
from tests.cloud.client.vendor_clients import call_scf, fc_client
from tests.workbench.deploy_site import Site


def test_the_crc64_is_that_of_the_xz_format() -> None:
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA  # its published check value
    lzma = pytest.importorskip("lzma")
    for data in (b"", b"a", bytes(range(256)) * 300, bytes(range(255))):
        packed = lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC64)
        end = len(packed) - 12 - 4 * (int.from_bytes(packed[-8:-4], "little") + 1)
        assert not data or crc64(data) == int.from_bytes(packed[end - 8 : end], "little")


def test_a_digest_of_an_unknown_form_is_not_compared() -> None:
    digest = hashlib.sha256(b"zip").digest()
    assert is_of(digest.hex().upper(), b"zip") is True
    assert is_of(str(crc64(b"zip")), b"zip") is True
    assert is_of(digest.hex(), b"other") is is_of(str(crc64(b"zip")), b"other") is False
    assert is_of("", b"zip") is is_of(base64.b64encode(digest).decode(), b"zip") is None


def swap_code(site: Site, name: str) -> None:
    """What somebody does who changes the code and leaves the description as it is."""
    other = base64.b64encode(site.packages["goodbye"].path.read_bytes()).decode()
    if site.description.cloud == "tencent":
        call_scf(site.cloud, "UpdateFunctionCode", FunctionName=name, Code={"ZipFile": other})
    else:
        code = models.InputCodeLocation(zip_file=other)
        request = models.UpdateFunctionRequest(body=models.UpdateFunctionInput(code=code))
        fc_client(site.cloud).update_function(name, request)


def test_code_that_was_changed_under_its_description_is_found_and_put_back(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(site.packages["goodbye"].path, "a") as archive:
        archive.writestr("more.txt", "the two zips are equal otherwise")
    assert site.deploy() == 0
    assert site.steps() == []
    swap_code(site, "hello")
    capsys.readouterr()
    assert site.plan() == 0
    assert "hello: its platform reports other code than its description names" in capsys.readouterr().out
    assert site.steps() == ["change code hello", "change settings hello"]
    assert site.deploy() == 0
    assert site.steps() == []


@pytest.mark.parametrize("site", ["tencent"], indirect=True)
def test_a_right_that_is_missing_for_the_digest_stops_nothing(site: Site) -> None:
    assert site.deploy() == 0
    fault = {"Action": "GetFunctionAddress", "Fault": "code", "Code": "UnauthorizedOperation", "Times": 99}
    site.cloud.faults([fault])
    assert site.steps() == []


@pytest.mark.parametrize(("site", "claim"), [("tencent", "D16"), ("alibaba", "E9")], indirect=["site"])
def test_where_the_reported_digest_is_of_something_else_the_zip_is_deployed_each_time(site: Site, claim: str) -> None:
    site.cloud.reset(not_so=[claim], active_s=0.02, rate=1000)
    for _ in range(2):
        assert site.deploy() == 0
        assert "change code hello" in site.steps()


@pytest.mark.parametrize("lost", [1, 99])
def test_a_zip_that_an_update_did_not_bring_is_sent_once_more_and_then_told(
    site: Site, lost: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.deploy()
    with zipfile.ZipFile(site.packages["hello"].path, "a") as archive:
        archive.writestr("more.txt", "new")
    plane: Any = type(site.plane)
    send, left = plane.change_code, [lost]

    def change_code(*given: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            send(*given)

    monkeypatch.setattr(plane, "change_code", change_code)
    capsys.readouterr()
    assert site.deploy() == 0
    assert ("note: hello: its platform reports a digest that is not its zip's" in capsys.readouterr().out) is (lost > 1)
    assert (site.steps() == []) is (lost == 1)
