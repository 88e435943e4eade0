"""What the report reads: lines that are no events, queues that keep their messages, sources that it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.handlers.adapters import open_queue
from shared.queues.port import QueueMessage
from shared.workbench.report.__main__ import main
from tests.cloud.backends.rabbitmq import PASSWORD as BROKER_PASSWORD
from tests.cloud.backends.rabbitmq import RabbitMq
from tests.workbench.report_events import page_of, result_event


def test_lines_that_are_no_events_are_named_by_number_and_never_echoed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = result_event("changed", "c", "2026-11-22T06:00:00.000Z")
    secret = "Leaked-Passw0rd"
    bad = [
        secret,
        json.dumps({"AccountPassword": secret}),
        json.dumps(good | {"time": secret}),
        json.dumps(good | {"data": secret}),
        json.dumps(good | {"source": f"keyturn/{secret}"}),
        json.dumps(good | {"data": {**good["data"], "Outcome": "unknown"}}),
        f'"{secret}"',
        "[" * 100_000,
        '{"type": "keyturn.rotation.report", "data": {"MaxAgeDays": NaN}}',
        json.dumps({"Delivered": True, "Results": [good, {"type": secret}], "Password": secret}),
        json.dumps({"event": "undelivered_result", "result": good, "id": secret}),
        "1" * 5000,
    ]
    page = page_of(tmp_path, [good, *bad, "", good]).read_text(encoding="utf-8")
    told = capsys.readouterr()
    assert secret not in page + told.out + told.err
    assert "8 malformed, lines 2, 4, 5, 6, 7, 9, 10, 13, skipped" in told.err
    assert "3 not ours, lines 3, 8, 11, skipped" in told.err
    assert "8 unreadable</b>, skipped: lines 2, 4, 5, 6, 7, 9, 10, 13" in page
    assert 'data-number="events">4<' in page and 'data-number="duplicates">3<' in page
    assert 'data-number="changed">1<' in page


def test_a_broker_still_has_every_message_after_a_look(
    rabbitmq: RabbitMq, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [result_event("changed", f"c-{count}", "2026-11-22T06:00:00.000Z") for count in range(3)]
    rabbitmq.declare("report")
    queue = open_queue(rabbitmq.url("report"))
    for event in events:
        queue.send(QueueMessage(event["id"], event["type"], "redis/crs-1", json.dumps(event)), timeout_s=10)
    queue.close()
    for _ in range(2):
        assert main([rabbitmq.url("report"), "-o", str(tmp_path / "page.html")], {}) == 0
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert 'data-number="changed">3<' in page and "queue over amqp" in page
    told = capsys.readouterr()
    assert "puts it back" in told.err
    assert not any(BROKER_PASSWORD in text for text in (page, told.out, told.err))


def test_a_file_of_which_no_line_is_an_event_leaves_a_good_page_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_of(tmp_path, [result_event("changed", "c", "2026-11-22T06:00:00.000Z")])
    before = page.read_bytes()
    (tmp_path / "README.md").write_text("# A page\n\nof words\n", encoding="utf-8")
    (tmp_path / "empty.jsonl").touch()
    for sources in (["README.md"], ["events.jsonl", "README.md"]):
        assert main([*(str(tmp_path / name) for name in sources), "-o", str(page)], {}) == 1
        said = " ".join(capsys.readouterr().err.split())
        assert "README.md holds 2 lines, but no result and no report of a rotation; no page was written" in said
        assert page.read_bytes() == before
    assert main([str(tmp_path / "empty.jsonl"), "-o", str(page)], {}) == 0


def test_no_folder_is_made_but_dist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").touch()
    assert main(["empty.jsonl", "-o", "nodir/page.html"], {}) == 1
    assert "OUT=nodir/page.html cannot be written: there is no folder nodir" in capsys.readouterr().err
    assert main(["empty.jsonl"], {}) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dist", "empty.jsonl"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("ckafka://ap-guangzhou/datahub-demo01", "into a file"),
        ("smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-results", "to a file"),
        ("memory://x", "give a file"),
        ("amqp://user:Leaked-Passw0rd@broker.example/v?queue=results", "loopback only"),
        ("nothing://Leaked-Passw0rd", "no known scheme"),
        ("missing.jsonl", "there is no such file"),
    ],
)
def test_a_source_that_cannot_be_looked_at_is_refused_in_one_line(
    source: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([source, "-o", str(tmp_path / "page.html")], {}) == 1
    told = capsys.readouterr().err
    assert says in told and "Leaked" not in told
    assert not (tmp_path / "page.html").exists()


def test_the_return_value_of_an_invocation_is_read_as_its_reply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = {"Result": result_event("changed", "c-1", "2026-11-22T06:00:00.000Z"), "Delivered": True}
    returned = {"isBase64Encoded": False, "statusCode": 200, "headers": {}, "body": json.dumps(reply)}
    not_ours = {"statusCode": 200, "body": "hello"}
    page = page_of(tmp_path, [returned, not_ours]).read_text(encoding="utf-8")
    told = capsys.readouterr()
    assert 'data-number="changed">1<' in page
    assert told.err.endswith("1 not ours, line 2, skipped\n")
    assert "   1 event   1 command   1 changed" in told.out
