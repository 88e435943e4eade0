"""What is Tencent's own about a store: which version is current, and what a promotion overwrites and keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.clouds.tencent.ssm import SsmStore
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.runtime.secret import Secret
from tests.cloud.client.standin import Standin
from tests.support.secret_under_test import FIRST, NEW, ONE, OTHER, THREE, TWO, SecretUnderTest, version_name
from tests.support.store_contents import ssm as call

BEFORE_ONE, BEFORE_TWO = ("kt-before-" + one[3:] for one in (ONE, TWO))
SECOND = 1 / 86400


@pytest.fixture
def ssm(cloud: Standin) -> SecretUnderTest:
    return SecretUnderTest("ssm", cloud)


def seen(place: SecretUnderTest) -> SsmStore:
    """The store after a listing, as a delivery has it."""
    store = place.open()
    assert isinstance(store, SsmStore)
    store.versions()
    return store


@pytest.mark.parametrize("name", ["current", "SSM_Current"])
def test_a_version_named_current_is_the_current_one(ssm: SecretUnderTest, name: str) -> None:
    ssm.fill({"a": ("A-Passw0rd", 9), name: ("B-Passw0rd", 1)})
    assert ssm.current() == name
    assert ssm.value() == "B-Passw0rd"
    ssm.rotate(ONE, NEW)
    assert ssm.values() == {"a": "A-Passw0rd", name: NEW, ONE: NEW, BEFORE_ONE: "B-Passw0rd"}


@pytest.mark.parametrize(
    ("made", "current"),
    [
        ({"a": 5.0, "b": 9.0}, "a"),
        ({"a": 5.0, "current": 9.0, "SSM_Current": 1.0}, "current"),
        ({"a": 5.0, "SSM_Current": 9.0}, "SSM_Current"),
        ({ONE: 5.0, "a": 9.0}, ONE),  # whoever made it
        ({ONE: 5.0, "a": 5.0}, "a"),
        ({ONE: 5.0, TWO: 5.0, "a": 5.0, "b": 6.0}, "a"),
        ({ONE: 0.0, "a": 5.0}, "a"),  # 0: not told
        ({}, None),
    ],
)
def test_the_current_version_is_told_by_name_then_by_age(
    ssm: SecretUnderTest, made: dict[str, float], current: str
) -> None:
    assert SsmStore(ssm.access("tencent"), "ap-guangzhou", "a")._current_of(made) == current


@pytest.mark.parametrize(
    "made", [{"a": 5.0, "b": 5.0}, {"a": 5.0, "b": 5.0, ONE: 5.0}, {ONE: 5.0, TWO: 5.0}, {"a": 0.0, "b": 5.0}]
)
def test_of_several_oldest_versions_none_is_taken_for_current(ssm: SecretUnderTest, made: dict[str, float]) -> None:
    with pytest.raises(Refused) as caught:
        SsmStore(ssm.access("tencent"), "ap-guangzhou", "a")._current_of(made)
    assert caught.value.code == "NoCurrentVersion"


def test_with_two_oldest_versions_nothing_is_written(ssm: SecretUnderTest) -> None:
    ssm.fill({"a": ("a-Passw0rd", 9.0), "b": ("b-Passw0rd", 9.0 + SECOND)})  # the world puts a second between two
    for use in (
        lambda: ssm.open().read(),
        lambda: ssm.open().write(ONE, Secret(NEW)),
        lambda: ssm.open().current_keyturn_version(),
    ):
        with pytest.raises(Refused) as caught:
            use()
        assert caught.value.code == "NoCurrentVersion"
    assert ssm.open().read("a") == Secret("a-Passw0rd")


def test_a_version_of_the_current_one_s_second_is_never_taken_for_it(ssm: SecretUnderTest) -> None:
    ssm.fill({"zz": ("A-Passw0rd", 0)})
    ssm.open().write(ONE, Secret(NEW))  # at once
    assert ssm.current() == "zz"
    ssm.open().promote(ONE)
    assert ssm.value("zz") == NEW


def test_the_user_s_description_is_not_read_and_stays(ssm: SecretUnderTest) -> None:
    ssm.fill({"v1": "A-Passw0rd"}, description="for the shop\nkeyturn: c-2 c-1")
    with ssm.counted() as made:
        ssm.rotate(ONE, NEW)
        ssm.rotate(TWO, OTHER)
        ssm.open().current_keyturn_version()
    shown = ssm.cloud.state()["ssm"]["secrets"][ssm.name]["Description"]
    assert shown == "for the shop\nkeyturn: c-2 c-1"
    assert not {"DescribeSecret", "UpdateDescription"} & made.keys()


def test_a_promotion_keeps_what_no_other_version_holds(ssm: SecretUnderTest) -> None:
    ssm.fill({"v1": ("A-Passw0rd", 9), "v2": ("Users-Passw0rd", 5)})
    ssm.rotate(ONE, NEW)
    assert ssm.values() == {"v1": NEW, "v2": "Users-Passw0rd", ONE: NEW, BEFORE_ONE: "A-Passw0rd"}
    ssm.rotate(TWO, OTHER)  # what it overwrites is in a version already
    assert ssm.values().keys() == {"v1", "v2", ONE, TWO, BEFORE_ONE}
    call(ssm.cloud, "UpdateSecret", SecretName=ssm.name, VersionId="v1", SecretString="Byhand-Passw0rd")
    ssm.rotate(THREE, "Third-Passw0rd")
    assert ssm.value("kt-before-" + THREE[3:]) == "Byhand-Passw0rd"
    assert ssm.value("v2") == "Users-Passw0rd"


def test_a_user_s_version_with_the_same_value_does_not_count_as_kept(ssm: SecretUnderTest) -> None:
    ssm.fill({"v1": ("A-Passw0rd", 9), "v2": ("A-Passw0rd", 5)})
    ssm.rotate(ONE, NEW)
    assert ssm.value(BEFORE_ONE) == "A-Passw0rd"


def test_a_kept_value_never_takes_another_one_s_place(ssm: SecretUnderTest) -> None:
    ssm.fill({"v1": ("A-Passw0rd", 9), BEFORE_ONE: ("B-Passw0rd", 8), f"{BEFORE_ONE}-2": ("C-Passw0rd", 7)})
    ssm.open().write(ONE, Secret(NEW))
    late = seen(ssm)
    call(ssm.cloud, "PutSecretValue", SecretName=ssm.name, VersionId=f"{BEFORE_ONE}-3", SecretString="D-Passw0rd")
    late.promote(ONE)
    kept = [f"{BEFORE_ONE}{suffix}" for suffix in ("", "-2", "-3", "-4")]
    assert [ssm.value(id_) for id_ in kept] == ["B-Passw0rd", "C-Passw0rd", "D-Passw0rd", "A-Passw0rd"]
    assert ssm.value() == NEW


def full(**more: float) -> dict[str, str | tuple[str, float]]:
    """Ten versions: `v1`, what is named, and versions of keyturn's."""
    ages = {"v1": 90.0, **more}
    ages |= {version_name(f"g-{number}"): 50.0 - number for number in range(10 - len(ages))}
    return {id_: (f"{id_[-20:]}-Passw0rd", age) for id_, age in ages.items()}


def test_a_full_store_is_not_overwritten_until_its_value_is_kept(ssm: SecretUnderTest) -> None:
    ssm.fill(full(**{ONE: 1.0}))
    before = ssm.values()
    with pytest.raises(RetryLater) as caught:
        ssm.open().promote(ONE)
    assert (caught.value.error_class, caught.value.code) == (ErrorClass.BUSY, "StoreFull")
    assert ssm.values() == before
    ssm.open().make_room([version_name("g-0")], 0)  # the place is for the current value
    ssm.open().promote(ONE)
    assert ssm.value(BEFORE_ONE) == before["v1"]
    assert version_name("g-0") not in ssm.values()


def test_what_another_delivery_kept_meanwhile_is_kept(ssm: SecretUnderTest) -> None:
    versions = full(**{ONE: 1.0})
    del versions[version_name("g-7")]
    ssm.fill(versions)
    first = ssm.values()["v1"]
    late = seen(ssm)
    call(ssm.cloud, "PutSecretValue", SecretName=ssm.name, VersionId=BEFORE_TWO, SecretString=first)
    late.promote(ONE)
    assert (ssm.value(), ssm.value(BEFORE_TWO), len(ssm.ids())) == (ssm.value(ONE), first, 10)


def test_room_is_made_of_spare_versions_alone_the_earliest_first(ssm: SecretUnderTest) -> None:
    ssm.fill(full(**{"v2": 80.0, BEFORE_ONE: 70.0}))
    kept = ssm.values()
    earliest = [version_name(f"g-{number}") for number in range(4)]
    with pytest.raises(RetryLater) as caught, ssm.counted() as made:
        seen(ssm).make_room(["v1", "v2", BEFORE_ONE, earliest[0], "gone", earliest[0]])
    assert caught.value.code == "StoreFull"
    assert "DeleteSecretVersion" not in made
    assert ssm.values() == kept
    seen(ssm).make_room(earliest)  # one place for the write, one for the value that its promotion replaces
    assert kept.keys() - ssm.values().keys() == set(earliest[:2])
    seen(ssm).make_room(earliest[2:])
    assert len(ssm.ids()) == 8


def test_where_the_current_value_is_kept_one_place_is_enough(ssm: SecretUnderTest) -> None:
    versions = full()
    ssm.fill(versions | {"v1": (str(versions[version_name("g-8")][0]), 90.0)})
    store = seen(ssm)
    store.make_room([version_name("g-0"), version_name("g-1")])
    store.write(ONE, Secret(NEW))
    with pytest.raises(RetryLater):
        store.write(TWO, Secret(OTHER))
    store.promote(ONE)
    assert (len(ssm.ids()), ssm.value()) == (10, NEW)
    assert version_name("g-1") in ssm.values()


def test_the_current_version_is_never_deleted_even_if_keyturn_made_it(ssm: SecretUnderTest) -> None:
    versions = full()
    del versions["v1"]
    ssm.fill(versions | {TWO: ("Two-Passw0rd", 1.0)})
    oldest = version_name("g-0")
    assert ssm.current() == oldest
    with pytest.raises(RetryLater):
        seen(ssm).make_room([oldest])
    seen(ssm).make_room([oldest, version_name("g-1"), version_name("g-2")])
    assert oldest in ssm.values()


def test_the_holder_is_the_version_whose_value_is_current(ssm: SecretUnderTest) -> None:
    ours = {ONE: ("A-Passw0rd", 5.0), TWO: ("B-Passw0rd", 4.0), BEFORE_TWO: ("A-Passw0rd", 3.0)}
    ssm.fill({"v1": ("A-Passw0rd", 90.0), "v2": ("C-Passw0rd", 2.0), **ours})
    store = seen(ssm)
    assert store.current_keyturn_version() == ONE  # not what keeps a value that was replaced
    call(ssm.cloud, "UpdateSecret", SecretName=ssm.name, VersionId="v1", SecretString="B-Passw0rd")
    assert store.current_keyturn_version() == ONE  # by the last listing
    store.versions()
    with ssm.counted() as made:
        assert store.current_keyturn_version() == TWO
    assert made == {"GetSecretValue": 1}  # what a version of keyturn's holds is known by now
    call(ssm.cloud, "UpdateSecret", SecretName=ssm.name, VersionId="v1", SecretString="C-Passw0rd")
    assert seen(ssm).current_keyturn_version() is None


def test_the_holder_is_found_in_ten_reads_at_most(ssm: SecretUnderTest) -> None:
    ssm.fill(full())
    with ssm.counted() as made:
        assert seen(ssm).current_keyturn_version() is None
    assert made["GetSecretValue"] == 10


def test_where_keyturn_s_own_version_is_the_oldest_it_is_the_current_one(ssm: SecretUnderTest) -> None:
    ssm.fill({ONE: ("A-Passw0rd", 9.0), TWO: ("B-Passw0rd", 5.0), "v2": ("Users-Passw0rd", 2.0)})
    assert seen(ssm).current_keyturn_version() == ONE
    seen(ssm).promote(ONE)
    assert ssm.value() == "A-Passw0rd"
    seen(ssm).promote(TWO)
    assert ssm.values() == {
        ONE: "B-Passw0rd", TWO: "B-Passw0rd", BEFORE_TWO: "A-Passw0rd", "v2": "Users-Passw0rd"
    }  # fmt: skip
    assert seen(ssm).current_keyturn_version() == TWO


def test_a_value_that_came_back_by_hand_is_overwritten_again(ssm: SecretUnderTest) -> None:
    store = ssm.open()
    store.write(ONE, Secret(NEW))
    store.promote(ONE)
    call(ssm.cloud, "UpdateSecret", SecretName=ssm.name, VersionId="v1", SecretString=FIRST["ssm"])
    store.promote(ONE)
    assert ssm.value() == NEW


def test_a_store_without_a_version_gets_none_that_would_be_current(ssm: SecretUnderTest) -> None:
    call(ssm.cloud, "DeleteSecretVersion", SecretName=ssm.name, VersionId="v1")
    for use in (lambda: ssm.open().write(ONE, Secret(NEW)), lambda: ssm.open().read()):
        with pytest.raises(Refused) as caught:
            use()
        assert caught.value.error_class is ErrorClass.NOT_FOUND
    assert ssm.open().current_keyturn_version() is None
    assert ssm.ids() == []


def test_a_current_version_without_text_is_refused_before_anything_is_written(ssm: SecretUnderTest) -> None:
    call(ssm.cloud, "UpdateSecret", SecretName=ssm.name, VersionId="v1", SecretBinary="QQ==")
    ssm.open().write(ONE, Secret(NEW))
    uses: list[Callable[[], object]] = [lambda: seen(ssm).current_keyturn_version(), lambda: seen(ssm).promote(ONE)]
    for use in uses:
        with pytest.raises(Refused) as caught:
            use()
        assert caught.value.code == "NoText"
    read = call(ssm.cloud, "GetSecretValue", SecretName=ssm.name, VersionId="v1")
    assert read["SecretBinary"] == "QQ=="


@pytest.mark.parametrize(("status", "word"), [("Disabled", "enable it"), ("PendingDelete", "restore")])
def test_a_secret_out_of_use_says_what_to_do(ssm: SecretUnderTest, status: str, word: str) -> None:
    more: dict[str, Any] = {"status": status}
    ssm.fill({"v1": "A-Passw0rd"}, **more)
    with pytest.raises(Refused) as caught:
        ssm.open().read()
    assert caught.value.error_class is ErrorClass.FAILED
    assert word in caught.value.message
