"""make results: each kind of queue is read whole where it can be, and nothing is taken from its consumers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from shared.workbench.results.__main__ import main, seconds_of
from tests.cloud.client.inboxes import open_any_inbox
from tests.cloud.client.standin import Standin
from tests.workbench.results_queue import event, page, publish, reader

QUEUES = ("tencent", "alibaba", "sqlite")


def _command(name: str) -> str:
    return "alibaba" if name == "alibaba" else "tencent"


@pytest.mark.parametrize("name", QUEUES)
def test_results_are_shown_and_stay_in_the_queue(
    cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    environ = reader(cloud, name, tmp_path)
    error = {"Class": "wrong_old_secret", "Code": "Wrong.Old", "Message": "not it", "Retryable": False}
    publish(environ, event(1), event(2, "not_changed", Error=error), page("nightly-1", [1, 2]))
    for _ in range(2):
        assert main([_command(name)], environ) == 0
        told = capsys.readouterr().out.splitlines()
        assert len([line for line in told if not line.startswith("    ")]) == 3
        assert any("   changed       redis/crs-1/app   0.0 s" in line for line in told)
        refused = next(index for index, line in enumerate(told) if "   not_changed   redis/crs-2/app" in line)
        assert told[refused + 1].startswith("    wrong_old_secret (Wrong.Old): not it. Next: ")
        assert any("   rotation      yearly: 3 listed, 2 due, 2 sent, 1 not due" in line for line in told)
    box = open_any_inbox(environ["KEYTURN_RESULTS"], environ=environ)
    taken = box.receive(16, 30.0)
    box.close()
    assert len(taken) == 3
    assert {one.receives for one in taken} == {1}  # nobody has received them before


@pytest.mark.parametrize("name", QUEUES)
def test_json_gives_the_events_themselves(
    cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    environ = reader(cloud, name, tmp_path)
    publish(environ, event(1))
    assert main([_command(name), "--json"], environ) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [event(1)]


def test_results_are_shown_in_order_of_time(cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = reader(cloud, "sqlite", tmp_path)
    publish(environ, *(event(second, at=f"2099-01-01T00:00:0{second}Z") for second in (3, 1, 2)))
    assert main(["tencent"], environ) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in told] == [f"redis/crs-{second}/app" for second in (1, 2, 3)]
    assert main(["tencent", "--json"], environ) == 0
    told = [json.loads(line)["data"]["CommandId"] for line in capsys.readouterr().out.splitlines()]
    assert told == ["due-1", "due-2", "due-3"]


def test_times_are_utc_and_said_to_be(
    cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = reader(cloud, "sqlite", tmp_path)
    publish(environ, event(1, at="2099-01-01T00:00:01Z"))
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert main(["tencent"], environ) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    told = capsys.readouterr()
    assert told.out.startswith("01-01 00:00:01   ") and "times are UTC; JSON=1" in told.err


def test_what_is_older_than_asked_for_is_left_out(
    cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = reader(cloud, "sqlite", tmp_path)
    publish(environ, event(1, at="2020-01-01T00:00:00Z"))
    assert main(["tencent"], environ) == 0
    shown = capsys.readouterr()
    assert (shown.out, "no result since then" in shown.err) == ("", True)


def test_smq_says_that_it_shows_the_oldest_sixteen_and_borrowing_shows_all(
    cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = reader(cloud, "alibaba", tmp_path)
    publish(environ, *(event(number) for number in range(40)))
    assert main(["alibaba"], environ) == 1
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 16
    assert "BORROW=1" in shown.err and "event: result" in shown.err
    assert main(["alibaba", "--borrow"], environ) == 0
    assert len(capsys.readouterr().out.splitlines()) == 40
    box = open_any_inbox(environ["KEYTURN_RESULTS"], environ=environ)
    assert len(box.peek()) == 40  # each was given back
    box.close()


@pytest.mark.parametrize("lists", ["places", "messages"])
def test_a_topic_is_read_past_one_list(
    cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str], lists: str
) -> None:
    cloud.reset(ckafka_lists=lists)
    environ = reader(cloud, "tencent", tmp_path)
    many = 25 if lists == "messages" else 3  # one a second where the list has no messages
    publish(environ, *(event(number) | {"subject": "redis/crs-1/app"} for number in range(many)))
    assert main(["tencent", "--json"], environ) == 0
    told = [json.loads(line)["data"]["CommandId"] for line in capsys.readouterr().out.splitlines()]
    assert told == [f"due-{number}" for number in range(many)]


def test_a_call_that_came_too_fast_is_made_again(
    cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = reader(cloud, "tencent", tmp_path)
    publish(environ, event(1))
    cloud.faults([{"Action": "FetchMessageByOffset", "Fault": "throttle", "Times": 1}])
    assert main(["tencent"], environ) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_what_cannot_be_read_is_said_with_the_log_search(
    cloud: Standin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = reader(cloud, "tencent", tmp_path) | {"KEYTURN_RESULTS": "ckafka://ap-guangzhou/datahub-nobody"}
    assert main(["tencent"], environ) == 1
    told = capsys.readouterr().err
    assert "no DataHub task in ap-guangzhou has the id datahub-nobody: `. dist/bootstrap/" in told
    assert 'event:"result"' in told


def test_whoever_has_no_keys_is_told_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tencent"], {"KEYTURN_RESULTS": "ckafka://ap-guangzhou/datahub-demo01"}) == 2
    assert "TENCENTCLOUD_SECRET_ID" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("1h", 3600), ("2d", 172_800), ("1", None), ("0s", None), ("007m", 420)],
)
def test_spans_of_time(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds
