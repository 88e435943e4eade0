"""How lists and parameters behave. These checks only read."""

from __future__ import annotations

from collections.abc import Mapping

from shared.workbench.verify.alibaba.desk import AlibabaCheck, AlibabaDesk, Said, said
from shared.workbench.verify.alibaba.tair import TairAccount
from shared.workbench.verify.findings import Differs, Finding, Holds


def _read(desk: AlibabaDesk, action: str, **query: str) -> Said:
    return said(lambda: desk.api.call("r-kvstore", action, query))


def _told(answers: Mapping[str, Said]) -> str:
    return "; ".join(f"{name}: {one}" for name, one in answers.items())


def _pages(desk: AlibabaDesk) -> Finding:
    """Page sizes, tags with and without a region, and, if the sandbox has an account, the filter by account."""
    here = desk.api.region
    taken = {
        "50 a page": _read(desk, "DescribeInstances", RegionId=here, PageSize="50"),
        "a tag with a region": _read(desk, "DescribeInstances", RegionId=here, **{"Tag.1.Key": "keyturn"}),
    }
    refused = {
        "51 a page": _read(desk, "DescribeInstances", RegionId=here, PageSize="51"),
        "a tag alone": _read(desk, "DescribeInstances", **{"Tag.1.Key": "keyturn"}),
    }
    told = f"{_told(taken)}; {_told(refused)}"
    as_expected = all(one.taken for one in taken.values()) and not any(one.taken for one in refused.values())
    if (part := desk.sandbox.tair) is not None:
        ids = {"InstanceId": part.instance, "AccountName": part.account}
        TairAccount(desk.api, part.instance, part.account).status()
        found = desk.api.call("r-kvstore", "DescribeAccounts", ids)["Accounts"]["Account"]
        told += f"; accounts by one name: {len(found)}"
        as_expected = as_expected and [one["AccountName"] for one in found] == [part.account]
    return Holds(told) if as_expected else Differs("accepted, accepted, refused, refused, one account", told)


def _parameters(desk: AlibabaDesk) -> Finding:
    answers = {
        "one that no action knows": _read(desk, "DescribeInstances", RegionId=desk.api.region, Keyturn="1"),
        "one that is missing": _read(desk, "DescribeInstanceAttribute"),
        "one of the wrong type": _read(desk, "DescribeInstances", RegionId=desk.api.region, PageSize="many"),
    }
    told = _told(answers)
    return Differs("all refused", told) if any(one.taken for one in answers.values()) else Holds(told)


CHECKS: tuple[AlibabaCheck, ...] = (AlibabaCheck("A10", _pages), AlibabaCheck("W9", _parameters))
