"""A file that is not there, or is a folder, is named as it was given, with the reason in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import call
from shared.workbench.report.__main__ import main as report
from shared.workbench.verify.commands import main as verify
from tests.cloud.server.serve import main as serve


def load_description(path: str) -> int:
    with pytest.raises(DescriptionError) as told:
        load(Path(path), "tencent", {})
    print(told.value)
    return 2


COMMANDS: dict[str, tuple[Callable[[str], int], int]] = {
    "call": (lambda path: call.main(["tencent", "plan_rotation", path]), 2),
    "report": (lambda path: report([path], {}), 1),
    "verify": (lambda path: verify(["tencent", "--sandbox", path]), 2),
    "cloud": (lambda path: serve(["--world", path]), 2),
    "serverless.yml": (load_description, 2),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_that_is_not_there_is_said_in_words(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, code = COMMANDS[name]
    for path, reason in ((tmp_path / "nowhere.json", "there is no such file"), (tmp_path, "that is a folder")):
        assert command(str(path)) == code
        told = " ".join("".join(capsys.readouterr()).split())
        assert reason in told
        assert path.name in told
        assert "Errno" not in told


def test_a_page_that_cannot_be_written_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "events.jsonl").touch()
    assert report([str(tmp_path / "events.jsonl"), "-o", str(tmp_path / "file" / "page.html")], {}) == 1
    assert "a file stands in the place of a folder" in " ".join(capsys.readouterr().err.split())
