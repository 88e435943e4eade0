"""What is Alibaba's own about a store: stages that move by compare and set, and versions that push out others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from shared.clouds.alibaba.kms import KmsStore
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.runtime.secret import Secret
from tests.cloud.client.standin import Standin
from tests.support.secret_under_test import FIRST, NEW, ONE, OTHER, TWO, SecretUnderTest, version_name
from tests.support.store_contents import kms as call

DAY_S = 86400


@pytest.fixture
def kms(cloud: Standin) -> SecretUnderTest:
    return SecretUnderTest("kms", cloud)


@pytest.fixture
def crowded(cloud: Standin) -> SecretUnderTest:
    return SecretUnderTest("kms", cloud)


def seen(place: SecretUnderTest) -> KmsStore:
    """The store after a listing, as a delivery has it."""
    store = place.open()
    assert isinstance(store, KmsStore)
    store.versions()
    return store


def stages(place: SecretUnderTest) -> dict[str, list[str]]:
    shown = place.cloud.state()["kms"]["secrets"][place.name]["Versions"]
    return {id_: one["Stages"] for id_, one in shown.items() if one["Stages"]}


def crowd(users: int, ages: dict[str, float], current: str = "v1", **labels: str) -> dict[str, Any]:
    """`v1` of 300 days, versions of the user's without a label, one a day, and what is named."""
    first = {} if current.startswith(("kt-copy-", "keyturn.copy-")) else {"v1": 300.0}
    all_ages = {**first, **{f"u-{number}": 200.0 - number for number in range(users)}, **ages}
    versions = {id_: (f"{id_[-20:]}-Passw0rd", age) for id_, age in all_ages.items()}
    return {"versions": versions, "current": current, "labels": {k.replace("_", "-"): v for k, v in labels.items()}}


def test_a_version_is_read_by_a_stage_too(kms: SecretUnderTest) -> None:
    kms.rotate(ONE, NEW)
    kms.open().write(TWO, Secret(OTHER))
    assert kms.value("ACSCurrent") == NEW
    assert kms.value("ACSPrevious") == FIRST["kms"]
    assert kms.value("keyturn-pending") == OTHER


def test_one_label_is_all_that_versions_get(kms: SecretUnderTest) -> None:
    for number in range(1, 5):
        kms.open().write(version_name(f"c-{number}"), Secret(f"{NEW}{number}"))
    assert stages(kms) == {"v1": ["ACSCurrent"], version_name("c-4"): ["keyturn-pending"]}
    seen(kms).promote(TWO)
    assert stages(kms) == {"v1": ["ACSPrevious"], TWO: ["ACSCurrent"], version_name("c-4"): ["keyturn-pending"]}
    seen(kms).promote(version_name("c-4"))
    assert stages(kms) == {TWO: ["ACSPrevious"], version_name("c-4"): ["ACSCurrent"]}


def test_a_label_that_cannot_be_taken_off_spoils_no_promotion(kms: SecretUnderTest) -> None:
    kms.open().write(ONE, Secret(NEW))
    moved = {"SecretName": kms.name, "VersionStage": "ACSCurrent", "MoveToVersion": ONE, "RemoveFromVersion": "v1"}
    call(kms.cloud, "UpdateSecretVersionStage", **moved)
    kms.fail("UpdateSecretVersionStage", times=50)
    kms.open(sleep=lambda seconds: None).promote(ONE)
    kms.cloud.clear_faults()
    assert kms.value() == NEW
    assert stages(kms)[ONE] == ["ACSCurrent", "keyturn-pending"]
    seen(kms).promote(ONE)
    assert stages(kms)[ONE] == ["ACSCurrent"]


def test_a_promotion_by_hand_meanwhile_is_not_undone(kms: SecretUnderTest) -> None:
    call(kms.cloud, "PutSecretValue", SecretName=kms.name, VersionId="v2", SecretData=OTHER, VersionStages='["mine"]')
    store = kms.open()
    store.write(ONE, Secret(NEW))
    moved = {"SecretName": kms.name, "VersionStage": "ACSCurrent", "MoveToVersion": "v2"}
    call(kms.cloud, "UpdateSecretVersionStage", **moved)
    with pytest.raises(Refused) as caught:
        store.promote(ONE)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.FAILED, "Superseded")
    assert kms.value() == OTHER
    assert store.versions()
    store.promote(ONE)  # the caller saw it, and asks all the same
    assert kms.value() == NEW


def test_a_promotion_whose_answer_was_lost_is_no_other_one(kms: SecretUnderTest) -> None:
    store = kms.open()
    store.write(ONE, Secret(NEW))
    kms.fail("UpdateSecretVersionStage", "drop_after")
    store.promote(ONE)
    assert (kms.value(), store.current_keyturn_version()) == (NEW, ONE)


# What the eleventh version pushes out.


@pytest.mark.parametrize("users", [7, 8])
@pytest.mark.parametrize("copied", ["", "kt-copy-{}-1", "keyturn.copy-{}.1"])
def test_a_current_version_is_copied_before_it_is_pushed_out(crowded: SecretUnderTest, users: int, copied: str) -> None:
    original = int(time.time() - 300 * DAY_S)
    current = copied.format(original) or "v1"
    crowded.fill(**crowd(users, {} if current == "v1" else {current: 300.0}, current))
    begun, first = crowded.ids(), crowded.value()
    for number in range(1, 4):
        seen(crowded).write(version_name(f"c-{number}"), Secret(f"{NEW}{number}"))
        assert crowded.value() == first
    (shown,) = [one for one in crowded.open().versions() if one.current]
    assert shown.id not in begun
    assert shown.id.startswith("kt-copy-")
    assert shown.created == pytest.approx(original, abs=120)  # a copy is as old as its original
    created = [one.created for one in crowded.open().versions()]
    assert created == sorted(created, reverse=True)
    seen(crowded).promote(TWO)
    assert crowded.value() == f"{NEW}2"
    assert crowded.violations() == []
    assert {stage for labels in stages(crowded).values() for stage in labels} == {
        "ACSCurrent", "ACSPrevious", "keyturn-pending"
    }  # fmt: skip


def test_a_copy_counts_as_the_version_that_it_copies_while_that_is_there(crowded: SecretUnderTest) -> None:
    users: dict[str, Any] = {f"u-{number}": ("Users-Passw0rd", 20.0 - number) for number in range(8)}
    crowded.fill({ONE: ("One-Passw0rd", 90.0), **users}, current=ONE)
    store = seen(crowded)
    assert store.current_keyturn_version() == ONE
    store.make_room([])
    assert crowded.current().startswith("kt-copy-")
    assert crowded.value() == "One-Passw0rd"
    assert (store.current_keyturn_version(), seen(crowded).current_keyturn_version()) == (ONE, ONE)
    seen(crowded).write(TWO, Secret(NEW))  # the service drops what was copied, though it is not spare
    assert ONE not in crowded.ids()
    assert seen(crowded).current_keyturn_version() is None
    assert crowded.value() == "One-Passw0rd"
    store = seen(crowded)
    store.write(version_name("c-3"), Secret(OTHER))
    store.promote(version_name("c-3"))
    assert (crowded.value(), store.current_keyturn_version()) == (OTHER, version_name("c-3"))
    assert crowded.violations() == []


def test_a_copy_is_never_taken_for_another_version_of_that_second(crowded: SecretUnderTest) -> None:
    crowded.fill({"v1": ("Copied-Passw0rd", 99.0), TWO: ("Two-Passw0rd", 90.0)}, current="v1")
    (made,) = [int(one.created) for one in seen(crowded).versions() if one.id == TWO]
    put = {"SecretName": crowded.name, "VersionId": f"kt-copy-{made}-1", "SecretData": "Copied-Passw0rd"}
    call(crowded.cloud, "PutSecretValue", **put)
    assert crowded.current() == f"kt-copy-{made}-1"
    assert seen(crowded).current_keyturn_version() is None


def test_the_previous_version_gives_way(crowded: SecretUnderTest) -> None:
    crowded.fill(**crowd(8, {"now": 10.0}, "now", ACSPrevious="v1"))
    for number in range(1, 4):
        crowded.open().write(version_name(f"c-{number}"), Secret(f"{NEW}{number}"))
        assert crowded.value() == "now-Passw0rd"
    assert crowded.violations() == []
    assert len(crowded.ids()) == 10


def test_a_previous_version_with_nothing_newer_stays(crowded: SecretUnderTest) -> None:
    ours = {version_name(f"g-{number}"): 100.0 - number for number in range(7)}
    crowded.fill(**crowd(1, {"back": 290.0, **ours}, "back", ACSPrevious="u-0"))  # it was rolled back by hand
    with pytest.raises(RetryLater) as caught:
        seen(crowded).make_room([], 3)
    assert caught.value.code == "StoreFull"
    assert "u-0" in crowded.ids()


@pytest.mark.parametrize("label", ["keyturn-pending", "keyturn-unresolved-1", "blue"])
def test_a_user_s_version_with_a_label_is_never_pushed_out(crowded: SecretUnderTest, label: str) -> None:
    crowded.fill(**crowd(8, {"now": 10.0}, "now", **{label: "v1"}))
    with crowded.counted() as made, pytest.raises(RetryLater) as caught:
        crowded.open().write(ONE, Secret(NEW))
    assert caught.value.code == "StoreFull"
    assert made.keys() == {"ListSecretVersionIds"}
    assert stages(crowded)["v1"] == [label]


def test_only_a_spare_version_of_keyturn_s_is_pushed_out(crowded: SecretUnderTest) -> None:
    old = {version_name(f"g-{number}"): 100.0 - number for number in range(8)}
    crowded.fill(**crowd(0, {"v1": 105.0, **old, "now": 1.0}, "now", keyturn_pending=version_name("g-0")))
    first, second, third = list(old)[:3]
    seen(crowded).write(ONE, Secret(NEW))  # for which the user's own goes
    assert "v1" not in crowded.ids()
    for spare in ([], [second], ["now", second, third]):
        with pytest.raises(RetryLater) as caught:
            seen(crowded).make_room(spare)
        assert caught.value.code == "StoreFull"
        with pytest.raises(RetryLater):
            seen(crowded).write(TWO, Secret(OTHER))
    with pytest.raises(RetryLater):
        seen(crowded).make_room([first], 2)
    store = seen(crowded)
    store.make_room([first])
    assert store.versions()  # what may go is known after another listing too
    store.write(TWO, Secret(OTHER))
    assert first not in crowded.ids()
    assert {second, third, ONE, TWO, "now"} <= set(crowded.ids())
    assert crowded.violations() == []


def test_a_put_of_another_delivery_since_the_listing_is_counted(crowded: SecretUnderTest) -> None:
    ours = {version_name(f"g-{number}"): 100.0 - number for number in range(8)}
    crowded.fill(**crowd(0, {"v1": 300.0, "now": 1.0, **ours}, "now"))
    first, late = seen(crowded), seen(crowded)
    for store in (first, late):
        store.make_room([])  # the user's v1 may go, once
    first.write(ONE, Secret(NEW))
    with pytest.raises(RetryLater) as caught:
        late.write(TWO, Secret(OTHER))
    assert caught.value.code == "StoreFull"
    assert set(ours) <= set(crowded.ids())


def test_a_store_with_all_its_labels_in_use_is_full_before_anything_is_written(kms: SecretUnderTest) -> None:
    for number in range(6):
        moved = {"SecretName": kms.name, "VersionStage": f"mine-{number}", "MoveToVersion": "v1"}
        call(kms.cloud, "UpdateSecretVersionStage", **moved)
    uses: list[Callable[[], object]] = [
        lambda: kms.open().make_room([]),
        lambda: kms.open().write(ONE, Secret(NEW)),
    ]
    for use in uses:
        with pytest.raises(RetryLater) as caught:
            use()
        assert caught.value.code == "StoreFull"
    assert kms.ids() == ["v1"]


def test_a_promotion_while_a_copy_is_made_is_not_undone(crowded: SecretUnderTest) -> None:
    crowded.fill(**crowd(7, {ONE: 2.0}))

    def promoted_meanwhile(seconds: float) -> None:
        time.sleep(seconds)
        if seconds > 1.0 and crowded.current() != ONE:  # not while a call waits for its place in line
            seen(crowded).promote(ONE)

    with pytest.raises((RetryLater, Refused)):
        crowded.open(sleep=promoted_meanwhile).write(TWO, Secret(NEW))
    assert crowded.current() == ONE
    value = crowded.value()
    for number in range(3, 6):
        seen(crowded).write(version_name(f"c-{number}"), Secret(f"{OTHER}{number}"))
        assert crowded.value() == value
    seen(crowded).promote(version_name("c-5"))
    assert crowded.value() == f"{OTHER}5"
    assert crowded.violations() == []
