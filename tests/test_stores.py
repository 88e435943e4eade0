"""Both stores against the stand-in, by the vendors' own clients: one contract, then what is each one's own."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clouds import tencent_ssm
from shared.clouds.session import Access
from shared.errors import ErrorClass, Refused, RetryLater
from shared.platform import Deadline, RoleKeys
from shared.secret import Secret
from shared.store import RIGHTS, VERSION_EXISTS, Stage, Store, StoreRef, open_store, parse_ref
from tests.cloud.callers import KMS_VERSION, alibaba
from tests.cloud.client import Standin

PLACES = {"ssm": ("redis-crs-demo0001-app", "ap-guangzhou"), "kms": ("tair-r-demo0001-app", "cn-hangzhou")}
FIRST = {"ssm": "App-Passw0rd", "kms": "Tair-Passw0rd"}
NEW, OTHER = "Next-Passw0rd", "Other-Passw0rd"
WRITES = {"ssm": ["PutSecretValue"], "kms": ["PutSecretValue", "ListSecretVersionIds"]}
PROMOTES = {
    "ssm": ["DescribeSecret", "UpdateSecret", "UpdateDescription", "DeleteSecretVersion"],
    "kms": ["ListSecretVersionIds", "UpdateSecretVersionStage"],
}


@dataclass
class Place:
    """One store of the stand-in, opened anew for each delivery, as functions do."""

    kind: str
    cloud: Standin
    left_s: float = 12.0
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or PLACES[self.kind][0]

    def open(self, name: str = "", region: str = "", **access: Any) -> Store:
        ref = parse_ref(f"{self.kind}://{name or self.name}")
        return open_store(ref, lambda cloud: replace(self.access(cloud), **access), region or PLACES[self.kind][1])

    def access(self, cloud: str) -> Access:
        keys = self.cloud.credentials[cloud]
        role = RoleKeys(keys["id"], Secret(keys["key"]), Secret(keys["token"]))
        deadline = Deadline(time.monotonic() + self.left_s)
        return Access(role, self.cloud.endpoint, 20.0, deadline)

    def stages(self) -> dict[str, str]:
        return {one.id: one.stage.value for one in self.open().versions()}

    def pending(self) -> set[str]:
        return {id_ for id_, stage in self.stages().items() if stage == "pending"}

    def value(self, version: str | None = None) -> str:
        return self.open().read(version).reveal()

    def fail(self, action: str, fault: str = "drop_before", times: int = 1) -> None:
        self.cloud.faults([{"Action": action, "Fault": fault, "Times": times}])

    def rotate(self, version: str, value: str) -> None:
        store = self.open()
        store.write(version, Secret(value))
        store.promote(version)


@pytest.fixture(params=list(PLACES))
def place(request: pytest.FixtureRequest, cloud: Standin) -> Place:
    return Place(request.param, cloud)


@pytest.fixture
def ssm(cloud: Standin) -> Place:
    return Place("ssm", cloud)


@pytest.fixture
def kms(cloud: Standin) -> Place:
    return Place("kms", cloud)


@pytest.fixture
def crowded(cloud: Standin) -> Place:
    return Place("kms", cloud, name="crowded")


def test_a_store_shows_what_the_world_put_into_it(place: Place) -> None:
    store = place.open()
    (only,) = store.versions()
    assert (only.id, only.stage) == ("v1", Stage.CURRENT)
    assert only.created is not None
    assert 0 < time.time() - only.created < 32 * 86400
    assert store.read() == Secret(FIRST[place.kind])
    assert store.read("v1") == Secret(FIRST[place.kind])
    assert store.name == f"{place.kind}://{PLACES[place.kind][0]}"


def test_what_is_written_is_pending_and_never_current(place: Place) -> None:
    place.open().write("c-1", Secret(NEW))
    assert place.stages() == {"v1": "current", "c-1": "pending"}
    assert [one.id for one in place.open().versions()] == ["c-1", "v1"]
    assert place.value() == FIRST[place.kind]
    assert place.value("c-1") == NEW
    assert "c-1" not in place.open().settled()


def test_a_write_may_be_repeated_with_the_same_secret_alone(place: Place) -> None:
    store = place.open()
    store.write("c-1", Secret(NEW))
    store.write("c-1", Secret(NEW))
    place.open().write("c-1", Secret(NEW))
    with pytest.raises(Refused) as caught:
        place.open().write("c-1", Secret(OTHER))
    assert caught.value.code == VERSION_EXISTS
    assert place.value("c-1") == NEW
    with pytest.raises(Refused):
        place.open().write("v1", Secret(OTHER))
    assert place.value() == FIRST[place.kind]


@pytest.mark.parametrize("anew", [False, True])
def test_a_promotion_makes_it_current_and_may_be_repeated(place: Place, anew: bool) -> None:
    store = place.open()
    store.write("c-1", Secret(NEW))
    for _ in range(3):
        store = place.open() if anew else store
        store.promote("c-1")
        assert place.value() == NEW
        assert place.pending() == set()
        assert place.open().settled()[0] == "c-1"


def test_what_is_discarded_is_not_pending_and_may_be_written_again(place: Place) -> None:
    store = place.open()
    store.write("c-1", Secret(NEW))
    for _ in range(2):
        store.discard("c-1")
        assert place.pending() == set()
        assert place.value() == FIRST[place.kind]
    store.discard("never-there")
    store.discard("v1")
    place.rotate("c-1", NEW)
    assert place.value() == NEW
    assert place.pending() == set()


def test_rotations_follow_one_another(place: Place) -> None:
    for number in range(1, 15):
        place.rotate(f"c-{number}", f"{NEW}{number}")
        time.sleep(0.2)  # ten in a second would be as old as one another
    assert place.value() == f"{NEW}14"
    assert place.pending() == set()
    assert place.open().settled()[:2] == ["c-14", "c-13"]
    assert place.cloud.state().get("kms", {}).get("violations", []) == []


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "cut_body", "html_500", "not_json", "throttle", "echo"])
def test_a_lost_answer_to_any_call_is_asked_again(place: Place, fault: str) -> None:
    for action in {*WRITES[place.kind], *PROMOTES[place.kind]}:
        place.fail(action, fault, 2)
    place.rotate("c-1", NEW)
    assert place.value() == NEW
    assert place.pending() == set()
    assert place.open().settled()[0] == "c-1"


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_promotion_that_ends_anywhere_is_finished_by_another(place: Place, step: int, fault: str) -> None:
    place.open().write("c-1", Secret(NEW))
    action = PROMOTES[place.kind][step % len(PROMOTES[place.kind])]
    place.fail(action, fault, 50)
    try:
        place.open().promote("c-1")
        assert fault == "drop_after"  # a repeat may be answered: the first call had its effect
    except RetryLater as error:
        assert error.error_class is ErrorClass.UNAVAILABLE
    # Meanwhile what is in force is the current or a pending version.
    place.cloud.clear()
    assert NEW in {place.value(), *(place.value(id_) for id_ in place.pending())}
    place.open().promote("c-1")
    assert place.value() == NEW
    assert place.pending() == set()
    assert place.open().settled()[0] == "c-1"


def test_a_late_promotion_does_not_bring_an_old_secret_back(place: Place) -> None:
    place.open().write("c-1", Secret(NEW))
    if place.kind == "ssm":
        place.fail("DeleteSecretVersion", times=50)
        with pytest.raises(RetryLater):
            place.open().promote("c-1")
        place.cloud.clear()
    else:  # as far as a promotion comes that ends before it removes its label
        moved = {"VersionStage": "ACSCurrent", "MoveToVersion": "c-1", "RemoveFromVersion": "v1"}
        ids = {"SecretName": PLACES["kms"][0], **moved}
        host = "kms.cn-hangzhou.aliyuncs.com"
        alibaba(place.cloud, "UpdateSecretVersionStage", ids, host=host, version=KMS_VERSION)
    assert place.value() == NEW
    place.rotate("c-2", OTHER)
    assert place.value() == OTHER
    place.open().promote("c-1")
    assert place.value() == OTHER
    assert "c-1" not in place.pending()


def test_unresolved_versions_stay_apart(place: Place) -> None:
    for number in range(1, 5):
        place.open().write(f"c-{number}", Secret(f"{NEW}{number}"))
    assert place.pending() == {"c-1", "c-2", "c-3", "c-4"}
    place.open().promote("c-2")
    assert place.value() == f"{NEW}2"
    assert place.pending() == {"c-1", "c-3", "c-4"}
    for number in (1, 3, 4):
        place.open().discard(f"c-{number}")
    assert place.pending() == set()


def test_a_store_that_unresolved_versions_fill_is_busy_and_loses_none(place: Place) -> None:
    written = []
    with pytest.raises(RetryLater) as caught:
        for number in range(1, 12):
            place.open().write(f"c-{number}", Secret(f"{NEW}{number}"))
            written.append(f"c-{number}")
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.BUSY, "StoreFull")
    assert len(written) == {"ssm": 9, "kms": 6}[place.kind]
    assert place.pending() == set(written)
    assert {place.value(id_) for id_ in written} == {f"{NEW}{number}" for number in range(1, len(written) + 1)}
    place.open().promote(written[-1])
    assert place.value() == f"{NEW}{len(written)}"


def test_what_is_not_there_is_said_so(place: Place) -> None:
    calls: list[Callable[[], object]] = [
        lambda: place.open().read("c-9"),
        lambda: place.open().promote("c-9"),
        lambda: place.open("no-such-secret").versions(),
        lambda: place.open("no-such-secret").read(),
        lambda: place.open("no-such-secret").write("c-1", Secret(NEW)),
        lambda: place.open(region={"ssm": "ap-singapore", "kms": "cn-beijing"}[place.kind]).versions(),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.error_class is ErrorClass.NOT_FOUND
        assert f"{place.kind}://" in caught.value.message


def test_a_role_that_may_not_is_told_so(place: Place) -> None:
    place.cloud.reset(deny=["PutSecretValue"])
    with pytest.raises(Refused) as caught:
        place.open().write("c-1", Secret(NEW))
    assert caught.value.error_class is ErrorClass.FORBIDDEN
    assert place.stages() == {"v1": "current"}


def test_keys_that_ran_out_may_be_tried_anew_with_the_next_ones(place: Place) -> None:
    place.fail("PutSecretValue", "expire_token", 9)
    with pytest.raises(Refused) as caught:
        place.open().write("c-1", Secret(NEW))
    assert caught.value.retryable


def test_no_secret_is_in_a_log_an_error_or_an_address(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    value = "Canary-Passw0rd-77"
    said = []
    with caplog.at_level(logging.DEBUG):
        for fault in ("echo", "html_500", "drop_before", "not_json", "cut_body"):
            place.fail("PutSecretValue", fault, 50)
            with pytest.raises(RetryLater) as caught:
                place.open().write(f"c-{fault}".replace("_", "-"), Secret(value))
            said += [str(caught.value), repr(caught.value), repr(caught.value.__cause__), str(caught.value.__context__)]
            place.cloud.clear()
        place.rotate("c-2", value)
        said.append(repr(place.open().read()))
    assert value not in caplog.text
    assert not any(value in text for text in said)
    assert place.cloud.state().get("kms", {}).get("violations", []) == []


def test_one_rotation_costs_few_calls(place: Place) -> None:
    before = len(place.cloud.calls())
    store = place.open()
    store.versions()
    store.settled()
    store.read()
    store.write("c-1", Secret(NEW))
    store.promote("c-1")
    made = Counter(call["Action"] for call in place.cloud.calls()[before:])
    expected = {
        "ssm": {
            "ListSecretVersionIds": 1, "DescribeSecret": 1, "GetSecretValue": 1, "PutSecretValue": 1,
            "UpdateSecret": 1, "UpdateDescription": 1, "DeleteSecretVersion": 1,
        },
        "kms": {
            "ListSecretVersionIds": 3, "GetSecretValue": 1, "PutSecretValue": 1, "UpdateSecretVersionStage": 2,
        },
    }  # fmt: skip
    assert made == expected[place.kind]


@pytest.mark.parametrize(("kind", "owner"), [("ssm", "tencent"), ("kms", "alibaba")])
def test_the_rights_name_what_is_called(cloud: Standin, kind: str, owner: str) -> None:
    place = Place(kind, cloud)
    place.rotate("c-1", NEW)
    place.open().write("c-2", Secret(OTHER))
    place.open().discard("c-2")
    place.value()
    called = {f"{kind}:{call['Action']}" for call in cloud.calls()}
    assert called == set(RIGHTS[owner])


# Tencent's own.


def test_a_version_named_current_is_the_current_one(ssm: Place) -> None:
    for name in ("current", "SSM_Current"):
        versions = {"a": {"value": "A-Passw0rd", "age_days": 9}, name: {"value": "B-Passw0rd", "age_days": 1}}
        ssm.cloud.reset(ssm={"redis-crs-demo0001-app": {"region": "ap-guangzhou", "versions": versions}})
        assert ssm.stages()[name] == "current"
        assert ssm.value() == "B-Passw0rd"
        ssm.rotate("c-1", NEW)
        assert ssm.value(name) == NEW
        with pytest.raises(Refused) as caught:
            ssm.open().write(name, Secret(OTHER))
        assert caught.value.error_class is ErrorClass.INVALID_COMMAND


def test_of_two_equally_old_versions_none_is_taken_for_current(ssm: Place) -> None:
    # The world makes versions a second apart beside their ages.
    ages = {"a": 9.0, "b": 9.0 + 1 / 86400}
    versions = {id_: {"value": f"{id_}-Passw0rd", "age_days": age} for id_, age in ages.items()}
    ssm.cloud.reset(ssm={"twins": {"region": "ap-guangzhou", "versions": versions}})
    for use in (lambda: ssm.open("twins").read(), lambda: ssm.open("twins").write("c-1", Secret(NEW))):
        with pytest.raises(Refused) as caught:
            use()
        assert caught.value.code == "NoCurrentVersion"
    assert ssm.open("twins").read("a") == Secret("a-Passw0rd")


def test_a_pending_version_is_never_as_old_as_the_current_one(ssm: Place) -> None:
    versions = {"zz": {"value": "A-Passw0rd", "age_days": 0}}
    ssm.cloud.reset(ssm={"young": {"region": "ap-guangzhou", "versions": versions}})
    store = ssm.open("young", sleep=time.sleep)
    store.write("aa", Secret(NEW))
    assert {one.id: one.stage.value for one in ssm.open("young").versions()} == {"zz": "current", "aa": "pending"}


def test_the_users_own_description_stays(ssm: Place) -> None:
    text = "for the shop\nasked for by ops"
    world = {"region": "ap-guangzhou", "description": text, "versions": {"v1": "A-Passw0rd"}}
    ssm.cloud.reset(ssm={"redis-crs-demo0001-app": world})
    for number in range(1, 24):
        ssm.rotate(f"c-{number}", f"{NEW}{number}")
    settled = [f"c-{number}" for number in range(23, 3, -1)]
    shown = ssm.cloud.state()["ssm"]["secrets"]["redis-crs-demo0001-app"]["Description"]
    assert shown == f"{text}\nkeyturn: {' '.join(settled)}"
    assert ssm.open().settled() == settled


@pytest.mark.parametrize(("room", "kept"), [(0, 0), (9, 0), (13, 1), (40, 7)])
def test_a_long_description_leaves_room_for_few(ssm: Place, room: int, kept: int) -> None:
    world = {"region": "ap-guangzhou", "description": "x" * (2048 - room), "versions": {"v1": "A-Passw0rd"}}
    ssm.cloud.reset(ssm={"redis-crs-demo0001-app": world})
    for number in range(1, 9):
        ssm.rotate(f"c-{number}", f"{NEW}{number}")
    assert ssm.value() == f"{NEW}8"
    assert len(ssm.open().settled()) == kept


@given(st.text(max_size=60), st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True), max_size=5))
def test_what_the_description_says_is_read_back(text: str, settled: list[str]) -> None:
    own, before = tencent_ssm._split(text)
    again = tencent_ssm._split(tencent_ssm._join(own, [*settled, *before]))
    assert again == (own, [*settled, *before])


@pytest.mark.parametrize(("status", "word"), [("Disabled", "enable it"), ("PendingDelete", "restore")])
def test_a_secret_out_of_use_says_what_to_do(ssm: Place, status: str, word: str) -> None:
    world = {"region": "ap-guangzhou", "status": status, "versions": {"v1": "A-Passw0rd"}}
    ssm.cloud.reset(ssm={"redis-crs-demo0001-app": world})
    with pytest.raises(Refused) as caught:
        ssm.open().read()
    assert caught.value.error_class is ErrorClass.FAILED
    assert word in caught.value.message


# Alibaba's own.


def test_a_version_is_read_by_a_stage_too(kms: Place) -> None:
    kms.rotate("c-1", NEW)
    kms.open().write("c-2", Secret(OTHER))
    assert kms.value("ACSCurrent") == NEW
    assert kms.value("ACSPrevious") == FIRST["kms"]
    assert kms.value("keyturn-pending") == OTHER


def full_of(given_up: int, labels: dict[str, str], current: str = "v1", **more: int) -> dict[str, Any]:
    """A world's secret: `v1`, then versions that were given up, one a day, then more at ages in days."""
    first = current if current.startswith("keyturn.copy-") else "v1"
    ages = {first: 300, **{f"g-{number}": 200 - number for number in range(given_up)}, **more}
    versions = {id_: {"value": f"{id_}-Passw0rd", "age_days": age} for id_, age in ages.items()}
    return {"crowded": {"region": "cn-hangzhou", "versions": versions, "current": current, "labels": labels}}


@pytest.mark.parametrize("given_up", [7, 8])
@pytest.mark.parametrize("copied", [False, True])
def test_versions_that_are_given_up_never_fill_a_store(crowded: Place, given_up: int, copied: bool) -> None:
    original = int(time.time() - 300 * 86400)
    crowded.cloud.reset(kms=full_of(given_up, {}, f"keyturn.copy-{original}.1" if copied else "v1"))
    begun, first = crowded.stages(), crowded.value()
    for number in range(1, 5):
        crowded.open().write(f"c-{number}", Secret(f"{NEW}{number}"))
        crowded.open().discard(f"c-{number}")
        assert crowded.value() == first
    (current,) = [one for one in crowded.open().versions() if one.stage is Stage.CURRENT]
    assert current.id not in begun
    assert current.created == pytest.approx(original, abs=120)  # a copy is as old as its original
    crowded.rotate("c-9", OTHER)
    assert crowded.value() == OTHER
    state = crowded.cloud.state()["kms"]
    assert state["violations"] == []
    stages = {stage for one in state["secrets"]["crowded"]["Versions"].values() for stage in one["Stages"]}
    assert stages == {"ACSCurrent", "ACSPrevious"}


def test_the_previous_version_gives_way(crowded: Place) -> None:
    crowded.cloud.reset(kms=full_of(0, {"ACSPrevious": "v1"}, "now", now=250, **{f"g-{n}": 200 - n for n in range(8)}))
    for number in range(1, 4):
        crowded.open().write(f"c-{number}", Secret(f"{NEW}{number}"))
        crowded.open().discard(f"c-{number}")
        assert crowded.value() == "now-Passw0rd"
    assert crowded.cloud.state()["kms"]["violations"] == []
    assert len(crowded.stages()) == 10


def test_an_unresolved_version_is_never_pushed_out(crowded: Place) -> None:
    crowded.cloud.reset(
        kms=full_of(0, {"keyturn-pending": "v1"}, "now", now=10, **{f"g-{n}": 200 - n for n in range(8)})
    )
    with pytest.raises(RetryLater) as caught:
        crowded.open().write("c-1", Secret(NEW))
    assert caught.value.code == "StoreFull"
    assert crowded.pending() == {"v1"}
    crowded.open().promote("v1")
    assert crowded.value() == "v1-Passw0rd"


def test_a_promotion_while_a_copy_is_made_is_not_undone(crowded: Place) -> None:
    crowded.cloud.reset(kms=full_of(7, {"keyturn-pending": "p"}, p=2))

    def promoted_meanwhile(seconds: float) -> None:
        time.sleep(seconds)
        if seconds > 1.0 and crowded.pending():  # not while a call waits for its place in line
            crowded.open().promote("p")

    with pytest.raises((RetryLater, Refused)):
        crowded.open(sleep=promoted_meanwhile).write("c-1", Secret(NEW))
    assert crowded.value() == "p-Passw0rd"
    for number in range(2, 5):
        crowded.rotate(f"c-{number}", f"{OTHER}{number}")
        assert crowded.value() == f"{OTHER}{number}"
    assert crowded.cloud.state()["kms"]["violations"] == []


def test_a_discarded_version_gets_its_mark_back_when_it_is_written_again(kms: Place) -> None:
    kms.open().write("c-1", Secret(NEW))
    kms.open().discard("c-1")
    assert kms.stages()["c-1"] == "resolved"
    with pytest.raises(Refused):
        kms.open().write("c-1", Secret(OTHER))
    kms.open().write("c-1", Secret(NEW))
    assert kms.stages()["c-1"] == "pending"


# How places are named.


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("ssm://redis-app", StoreRef("ssm", "redis-app", None)),
        ("ssm://redis-app#v1.0", StoreRef("ssm", "redis-app", "v1.0")),
        ("kms://a/b_c+d=e.f@g#ACSPrevious", StoreRef("kms", "a/b_c+d=e.f@g", "ACSPrevious")),
    ],
)
def test_a_reference_is_read(text: str, ref: StoreRef) -> None:
    assert parse_ref(text) == ref


@pytest.mark.parametrize(
    "text",
    ["", "redis-app", "ssm:redis", "ssm://", "ssm://a#", "ssm://a#b#c", "s3://Canary-77", "ssm://Canary-77\n",
     "ssm://Canary 77", "ssm://-a", "kms://a?b", "ssm://" + "a" * 300, "kms://a#" + "b" * 65],
)  # fmt: skip
def test_what_is_no_reference_is_not_echoed(text: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        parse_ref(text)
    assert "Canary" not in str(caught.value)


def test_naming_a_place_imports_no_client_and_opening_one_only_its_own() -> None:
    code = """
import sys
from shared.store import open_store, parse_ref
from shared.platform import Deadline
from shared.clouds.session import Access
sdk = lambda: {name.split(".")[0] for name in sys.modules} & {"tencentcloud", "alibabacloud_tea_openapi", "joserfc"}
access = Access(None, None, 1.0, Deadline(0.0))
ref = parse_ref("kms://a")
assert not sdk(), sdk()
open_store(ref, lambda cloud: access, "cn-hangzhou")
open_store(parse_ref("ssm://a"), lambda cloud: access, "ap-guangzhou")
assert not sdk(), sdk()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
