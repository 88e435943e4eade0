"""What both stores promise, against the stand-in and by the vendors' own clients."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from shared.commands.store_reference import StoreRef, parse_ref
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import RIGHTS, VERSION_EXISTS
from tests.cloud.client.standin import Standin
from tests.support.secret_under_test import FIRST, NEW, ONE, OTHER, PLACES, THREE, TWO, SecretUnderTest, version_name

Use = Callable[[], object]
PROMOTES = {"ssm": ["PutSecretValue", "UpdateSecret"], "kms": ["UpdateSecretVersionStage"]}


@pytest.fixture(params=list(PLACES))
def place(request: pytest.FixtureRequest, cloud: Standin) -> SecretUnderTest:
    return SecretUnderTest(request.param, cloud)


def test_a_store_shows_what_the_world_put_into_it(place: SecretUnderTest) -> None:
    store = place.open()
    (only,) = store.versions()
    assert (only.id, only.current) == ("v1", True)
    assert 0 < time.time() - only.created < 32 * 86400
    assert store.current_keyturn_version() is None
    assert store.read() == Secret(FIRST[place.kind])
    assert store.read("v1") == Secret(FIRST[place.kind])
    assert store.name == f"{place.kind}://{PLACES[place.kind][0]}"


def test_what_is_written_is_never_current(place: SecretUnderTest) -> None:
    place.open().write(ONE, Secret(NEW))
    assert place.ids() == [ONE, "v1"]
    assert place.current() == "v1"
    assert place.value() == FIRST[place.kind]
    assert place.value(ONE) == NEW
    assert place.open().current_keyturn_version() is None


def test_a_write_may_be_repeated_with_the_same_secret_alone(place: SecretUnderTest) -> None:
    store = place.open()
    store.write(ONE, Secret(NEW))
    store.write(ONE, Secret(NEW))
    place.open().write(ONE, Secret(NEW))
    with pytest.raises(Refused) as caught:
        place.open().write(ONE, Secret(OTHER))
    assert caught.value.code == VERSION_EXISTS
    assert place.values() == {"v1": FIRST[place.kind], ONE: NEW}


@pytest.mark.parametrize("version", ["v1", "c-1", "current", "SSM_Current", "kt-1", ONE.removesuffix("-1"), f"{ONE}x"])
def test_a_version_of_any_other_name_is_never_written_or_promoted(place: SecretUnderTest, version: str) -> None:
    with place.counted() as made:
        uses: list[Use] = [lambda: place.open().write(version, Secret(NEW)), lambda: place.open().promote(version)]
        for use in uses:
            with pytest.raises(Refused) as caught:
                use()
            assert caught.value.error_class is ErrorClass.INVALID_COMMAND
    assert not made
    assert place.values() == {"v1": FIRST[place.kind]}


@pytest.mark.parametrize("anew", [False, True])
def test_a_promotion_makes_it_current_and_may_be_repeated(place: SecretUnderTest, anew: bool) -> None:
    store = place.open()
    store.write(ONE, Secret(NEW))
    for _ in range(3):
        store = place.open() if anew else store
        store.promote(ONE)
        assert store.current_keyturn_version() == ONE
        assert place.value() == NEW
        assert place.open().current_keyturn_version() == ONE
        assert place.value(ONE) == NEW
        assert FIRST[place.kind] in place.values().values()


def test_rotations_follow_one_another_and_none_waits_for_a_person(place: SecretUnderTest) -> None:
    done: list[str] = []
    for number in range(1, 15):
        version, store = version_name(f"c-{number}"), place.open()
        store.versions()
        assert store.current_keyturn_version() == (done[-1] if done else None)
        store.make_room(done[:-1])
        store.write(version, Secret(f"{NEW}{number}"))
        store.promote(version)
        assert place.value() == f"{NEW}{number}"
        assert len(place.ids()) <= 10
        done.append(version)
        time.sleep(0.2)  # ten in a second would be as old as one another
    assert place.violations() == []
    if place.kind == "ssm":  # which keeps what is the user's, and what a promotion replaced there
        assert {place.value("v1"), place.value("kt-before-" + done[0][3:])} == {f"{NEW}14", FIRST["ssm"]}


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "cut_body", "html_500", "not_json", "throttle", "echo"])
def test_a_lost_answer_to_any_call_is_asked_again(place: SecretUnderTest, fault: str) -> None:
    for action in {"PutSecretValue", "ListSecretVersionIds", "GetSecretValue", *PROMOTES[place.kind]}:
        place.fail(action, fault, 2)
    place.rotate(ONE, NEW)
    assert place.value() == NEW
    assert place.open().current_keyturn_version() == ONE
    assert FIRST[place.kind] in place.values().values()


@pytest.mark.parametrize("step", range(2))
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_promotion_that_ends_anywhere_is_finished_by_another(place: SecretUnderTest, step: int, fault: str) -> None:
    place.open().write(ONE, Secret(NEW))
    action = PROMOTES[place.kind][step % len(PROMOTES[place.kind])]
    place.fail(action, fault, 50)
    try:
        place.open().promote(ONE)
        assert fault == "drop_after"  # a repeat may be answered: the first call had its effect
    except RetryLater as error:
        assert error.error_class is ErrorClass.UNAVAILABLE
    place.cloud.clear_faults()
    assert {NEW, FIRST[place.kind]} <= set(place.values().values())
    place.open().promote(ONE)
    assert place.value() == NEW
    assert place.open().current_keyturn_version() == ONE
    assert {NEW, FIRST[place.kind]} == set(place.values().values())


def test_versions_of_which_nobody_knows_yet_stay_apart(place: SecretUnderTest) -> None:
    values = {version_name(f"c-{number}"): f"{NEW}{number}" for number in range(1, 5)}
    for version, value in values.items():
        place.open().write(version, Secret(value))
    place.open().promote(TWO)
    assert place.value() == values[TWO]
    assert {version: place.value(version) for version in values} == values
    assert place.open().current_keyturn_version() == TWO


def test_a_store_that_such_versions_fill_is_busy_and_loses_none(place: SecretUnderTest) -> None:
    written: dict[str, str] = {}
    with pytest.raises(RetryLater) as caught:
        for number in range(1, 12):
            version = version_name(f"c-{number}")
            place.open().write(version, Secret(f"{NEW}{number}"))
            written[version] = f"{NEW}{number}"
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.BUSY, "StoreFull")
    assert len(written) == {"ssm": 8, "kms": 9}[place.kind]  # SSM has a place left for what is current now
    with pytest.raises(RetryLater), place.counted() as made:
        place.open().make_room(list(written)[:0])
    assert made.keys() <= {"ListSecretVersionIds", "GetSecretValue"}
    last = list(written)[-1]
    place.open().promote(last)
    assert place.value() == written[last]
    assert {version: place.value(version) for version in written} == written
    assert FIRST[place.kind] in place.values().values()


def test_what_is_not_there_is_said_so(place: SecretUnderTest) -> None:
    calls: list[Use] = [
        lambda: place.open().read("c-9"),
        lambda: place.open().promote(ONE),
        lambda: place.open("no-such-secret").versions(),
        lambda: place.open("no-such-secret").current_keyturn_version(),
        lambda: place.open("no-such-secret").read(),
        lambda: place.open("no-such-secret").write(ONE, Secret(NEW)),
        lambda: place.open(region={"ssm": "ap-singapore", "kms": "cn-beijing"}[place.kind]).versions(),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.error_class is ErrorClass.NOT_FOUND
        assert f"{place.kind}://" in caught.value.message


def test_a_role_that_may_not_is_told_so(place: SecretUnderTest) -> None:
    place.cloud.reset(deny=["PutSecretValue"])
    with pytest.raises(Refused) as caught:
        place.open().write(ONE, Secret(NEW))
    assert caught.value.error_class is ErrorClass.FORBIDDEN
    assert place.ids() == ["v1"]


def test_keys_that_ran_out_may_be_tried_anew_with_the_next_ones(place: SecretUnderTest) -> None:
    place.fail("PutSecretValue", "expire_token", 9)
    with pytest.raises(Refused) as caught:
        place.open().write(ONE, Secret(NEW))
    assert caught.value.retryable


def test_no_secret_is_in_a_log_an_error_or_an_address(place: SecretUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    value = "Canary-Passw0rd-77"
    said = []
    with caplog.at_level(logging.DEBUG):
        for fault in ("echo", "html_500", "drop_before", "not_json", "cut_body"):
            place.fail("PutSecretValue", fault, 50)
            with pytest.raises(RetryLater) as caught:
                place.open().write(version_name(fault), Secret(value))
            said += [str(caught.value), repr(caught.value), repr(caught.value.__cause__), str(caught.value.__context__)]
            place.cloud.clear_faults()
        place.rotate(TWO, value)
        place.rotate(THREE, OTHER)
        store = place.open()
        said += [repr(store.read()), repr(store.current_keyturn_version()), repr(vars(store))]
    assert not [text for text in (value, OTHER, FIRST[place.kind]) if text in caplog.text or text in "".join(said)]
    assert place.violations() == []


def test_one_rotation_costs_few_calls(place: SecretUnderTest) -> None:
    place.fill({"v1": (NEW, 90.0), TWO: (NEW, 3.0)}, **({"current": TWO} if place.kind == "kms" else {}))
    store = place.open()
    with place.counted() as made:
        store.versions()
        store.make_room([])
        store.write(ONE, Secret(OTHER))
    assert made == {"ListSecretVersionIds": 1, "PutSecretValue": 1}
    with place.counted() as made:
        store.promote(ONE)
    expected = {"ssm": {"GetSecretValue": 2, "UpdateSecret": 1}, "kms": {"UpdateSecretVersionStage": 2}}
    assert made == expected[place.kind]
    store = place.open()
    with place.counted() as made:
        store.versions()
        assert store.current_keyturn_version() == ONE
        assert store.current_keyturn_version() == ONE
        store.promote(ONE)
    assert (
        made
        == {"ssm": {"ListSecretVersionIds": 1, "GetSecretValue": 3}, "kms": {"ListSecretVersionIds": 1}}[place.kind]
    )


@pytest.mark.parametrize(("kind", "owner"), [("ssm", "tencent"), ("kms", "alibaba")])
def test_the_rights_name_what_is_called(cloud: Standin, kind: str, owner: str) -> None:
    place = SecretUnderTest(kind, cloud)
    place.rotate(ONE, NEW)
    if kind == "ssm":
        place.open().write(TWO, Secret(OTHER))
        place.open().make_room([TWO], 7)
    place.value()
    called = {f"{kind}:{call['Action']}" for call in cloud.calls()}
    assert called == set(RIGHTS[owner])


# Two deliveries at once: each has its own listing.


def test_every_value_that_was_ever_current_stays_in_a_version(place: SecretUnderTest) -> None:
    first, second = place.open(), place.open()
    for store in (first, second):
        store.versions()
    first.write(ONE, Secret(NEW))
    second.write(TWO, Secret(OTHER))
    second.promote(TWO)
    assert place.value() == OTHER
    if place.kind == "kms":
        with pytest.raises(Refused) as caught:
            first.promote(ONE)
        assert (caught.value.error_class, caught.value.code) == (ErrorClass.FAILED, "Superseded")
        assert place.value() == OTHER
    else:
        first.promote(ONE)
        assert place.value() == NEW
    assert set(place.values().values()) == {FIRST[place.kind], NEW, OTHER}


def test_a_delivery_that_saw_the_other_goes_on_from_there(place: SecretUnderTest) -> None:
    first, second = place.open(), place.open()
    first.write(ONE, Secret(NEW))
    second.write(TWO, Secret(OTHER))
    second.promote(TWO)
    assert [one.id for one in first.versions()][-1] == "v1"
    assert first.current_keyturn_version() == TWO
    first.promote(ONE)
    assert place.value() == NEW
    assert {NEW, OTHER} <= set(place.values().values())
    assert place.open().current_keyturn_version() == ONE


def test_the_same_promotion_by_two_is_one(place: SecretUnderTest) -> None:
    place.open().write(ONE, Secret(NEW))
    first, second = place.open(), place.open()
    for store in (first, second):
        store.versions()
    first.promote(ONE)
    second.promote(ONE)
    assert place.value() == NEW
    assert second.current_keyturn_version() == ONE
    assert set(place.values().values()) == {NEW, FIRST[place.kind]}


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
from shared.commands.store_reference import parse_ref
from shared.handlers.adapters import open_store
from shared.runtime.deadline import Deadline
from shared.runtime.cloud_access import CloudAccess
sdk = lambda: {name.split(".")[0] for name in sys.modules} & {"tencentcloud", "alibabacloud_tea_openapi", "joserfc"}
access = CloudAccess(None, None, 1.0, Deadline(0.0))
ref = parse_ref("kms://a")
assert not sdk(), sdk()
open_store(ref, lambda cloud: access, "cn-hangzhou")
open_store(parse_ref("ssm://a"), lambda cloud: access, "ap-guangzhou")
assert not sdk(), sdk()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
