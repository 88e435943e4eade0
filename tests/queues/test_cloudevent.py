"""Our encoder against the CloudEvents SDK, which reads what we write."""

import json

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from shared.results.cloudevent import encode

ATTRIBUTES: dict[str, str | int | bool | None] = {
    "type": "keyturn.credential.changed",
    "source": "keyturn/tencent/ap-guangzhou",
    "id": "1",
    "time": "2026-03-01T02:00:00Z",
    "hop": 1,
    "attempt": 2,
    "subject": None,
}


def test_an_event_is_compact_and_its_keys_have_one_order() -> None:
    text = encode(ATTRIBUTES, {"b": "é", "a": 1})
    assert text == encode(dict(reversed(ATTRIBUTES.items())), {"b": "é", "a": 1})
    assert text == (
        '{"specversion":"1.0","id":"1","source":"keyturn/tencent/ap-guangzhou","type":"keyturn.credential.changed",'
        '"time":"2026-03-01T02:00:00Z","datacontenttype":"application/json","attempt":2,"hop":1,"data":{"b":"é","a":1}}'
    )


def test_the_sdk_reads_what_we_write() -> None:
    event = JSONFormat().read(CloudEvent, encode(ATTRIBUTES, {"a": "é"}))
    assert event.get_type() == "keyturn.credential.changed"
    assert event.get_data() == {"a": "é"}
    assert event.get_extension("attempt") == 2


@pytest.mark.parametrize(
    ("change", "rule"),
    [({"id": ""}, "no id"), ({"type": None}, "no type"), ({"Data_X": "canary"}, "lower-case")],
)
def test_an_event_that_breaks_the_specification_is_refused(change: dict[str, str | None], rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as caught:
        encode(ATTRIBUTES | change, {})
    assert "canary" not in str(caught.value)


def test_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(ATTRIBUTES, {"n": float("nan")})
    assert json.loads(encode(ATTRIBUTES, {}))["data"] == {}
