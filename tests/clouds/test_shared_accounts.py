"""One read of the accounts for all the commands of an invocation: when it serves, and when it is made anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from shared.changes.timing import FRESH_S
from shared.clouds.shared_accounts import Look, Row, SharedAccounts, accounts_of
from shared.runtime.errors import ErrorClass, KeyturnError, RetryLater
from tests.clouds.scripted import Clock, access, raised

QUIET = frozenset({1, 2})


@dataclass
class Cloud:
    """Accounts in pages of two, and how often each page was read."""

    names: tuple[str, ...] = ("root", "app", "third")
    reads: list[int] = field(default_factory=list)
    error: KeyturnError | None = None
    clock: Clock = field(default_factory=Clock)
    before_answer: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.shared = SharedAccounts(self.clock)

    def page(self, offset: int) -> tuple[list[Row], int | None]:
        self.reads.append(offset)
        self.before_answer()
        if self.error is not None:
            raise self.error
        found: list[Row] = [{"Name": name, "Read": len(self.reads)} for name in self.names[offset : offset + 2]]
        return found, offset + 2 if offset + 2 < len(self.names) else None

    def look(self, name: str, tasks: frozenset[int] | None = None, *, anew: bool = False, quiet: bool = True) -> Look:
        return self.shared.look(name, lambda row: row["Name"] == name, self.page, tasks, anew=anew, quiet=quiet)


def test_one_read_serves_all_that_is_on_its_page_and_tells_whose_it_was() -> None:
    cloud = Cloud()
    first = cloud.look("root")
    cloud.clock.sleep(3.0)
    second, third = cloud.look("app"), cloud.look("root")
    assert cloud.reads == [0]
    assert [look.account for look in (first, second)] == [{"Name": n, "Read": 1} for n in ("root", "app")]
    assert [look.shared for look in (first, second, third)] == [False, True, True]
    assert [look.read_at for look in (first, second, third)] == [0.0] * 3


def test_what_stands_on_a_later_page_is_read_on_and_once() -> None:
    cloud = Cloud()
    assert cloud.look("root").account is not None
    cloud.clock.sleep(1.0)
    for _ in range(2):
        look = cloud.look("third")
        assert (look.account, look.read_at) == ({"Name": "third", "Read": 2}, 0.0)
    assert cloud.look("nobody").account is None
    assert cloud.reads == [0, 2]


@pytest.mark.parametrize(("age_s", "reads"), [(FRESH_S - 0.1, 1), (FRESH_S, 2)])
def test_a_read_that_would_allow_no_call_is_made_anew(age_s: float, reads: int) -> None:
    cloud = Cloud()
    cloud.look("root")
    cloud.clock.sleep(age_s)
    assert cloud.look("app").read_at == (0.0 if reads == 1 else age_s)
    assert len(cloud.reads) == reads


def test_a_change_makes_the_read_too_old_for_its_account_alone() -> None:
    cloud = Cloud()
    cloud.look("root")
    cloud.shared.sent("root")
    assert cloud.look("app").shared
    assert not cloud.look("root").shared
    assert cloud.look("root").shared
    assert len(cloud.reads) == 2


def test_a_read_that_was_begun_before_a_change_ended_does_not_serve_its_account() -> None:
    cloud = Cloud()
    cloud.before_answer = lambda: cloud.shared.sent("app")
    cloud.look("root")
    assert not cloud.look("app").shared


@pytest.mark.parametrize(
    ("begun", "listed", "shared"),
    [
        ((), {1, 2}, False),  # nothing shows that the list is not late
        ((3,), {2, 3}, True),  # the oldest are not listed for ever
        ((), {1, 2, 3}, False),  # anybody's
        ((3,), {1, 2, 3}, True),  # of a change that this invocation made
        ((3,), {1, 2}, False),  # the list lags: what else does it not show?
        ((3,), {1, 2, 3, 4}, False),
    ],
)
def test_a_task_that_is_nobody_s_of_this_invocation_may_have_changed_every_account(
    begun: tuple[int, ...], listed: set[int], shared: bool
) -> None:
    cloud = Cloud()
    cloud.look("root", QUIET)
    for task in begun:
        cloud.shared.begun(task)
    assert cloud.look("app", frozenset(listed)).shared is shared


def test_a_task_of_before_the_read_need_not_be_listed_for_ever() -> None:
    cloud = Cloud()
    cloud.shared.begun(1)
    cloud.look("root", frozenset({1}))
    cloud.shared.begun(2)
    assert cloud.look("app", frozenset({2})).shared


def test_what_was_read_while_a_task_was_at_work_serves_no_other() -> None:
    cloud = Cloud()
    cloud.look("root", quiet=False)
    assert not cloud.look("app").shared
    assert cloud.look("app").shared


def test_who_wants_a_read_of_its_own_gets_one_and_it_serves_the_others() -> None:
    cloud = Cloud()
    cloud.look("root")
    assert not cloud.look("root", anew=True).shared
    assert cloud.look("app").account == {"Name": "app", "Read": 2}


def test_a_read_that_failed_serves_nobody_who_comes_later() -> None:
    cloud = Cloud(error=RetryLater(ErrorClass.UNAVAILABLE, "away", code="Away"))
    raised(RetryLater, lambda: cloud.look("root"))
    cloud.error = None
    assert cloud.look("root").account == {"Name": "root", "Read": 2}


def test_a_page_that_could_not_be_read_takes_those_before_it_along() -> None:
    cloud = Cloud()
    cloud.look("root")
    cloud.error = RetryLater(ErrorClass.THROTTLED, "later", code="Later")
    raised(RetryLater, lambda: cloud.look("third"))
    cloud.error = None
    assert not cloud.look("root").shared


# --- whose it is


def test_an_account_of_another_role_site_region_or_resource_is_another() -> None:
    own = access()
    role = replace(own, role="qcs::cam::uin/200000000002:roleName/keyturn")
    intl = replace(own, site="intl")
    lists = [
        accounts_of(own, "redis", "ap-guangzhou", "crs-one"),
        accounts_of(role, "redis", "ap-guangzhou", "crs-one"),
        accounts_of(intl, "redis", "ap-guangzhou", "crs-one"),
        accounts_of(own, "redis", "ap-tokyo", "crs-one"),
        accounts_of(own, "redis", "ap-guangzhou", "crs-two"),
        accounts_of(own, "tcr", "ap-guangzhou", "crs-one"),
        accounts_of(access(), "redis", "ap-guangzhou", "crs-one"),  # another invocation
    ]
    assert len({id(one) for one in lists}) == len(lists)
    assert accounts_of(replace(own, operator="1"), "redis", "ap-guangzhou", "crs-one") is lists[0]
