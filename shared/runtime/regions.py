"""The regions that commands, policies and settings may name. Others are refused: a region becomes part of a host name.

To add one: put it into its cloud's table below, with the page that lists it, and run
`python -m shared.workbench.schemas`.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.runtime.errors import ErrorClass, Refused

_FILE = "shared/regions"

# Read 2026-11-26. Request Structure of redis (tencentcloud.com document/api/239/32044, 2025-10-24); the region list of
# tcr ModifyServiceAccountPassword (cloud.tencent.com 1141/103857); RegionId of redis DescribeInstances (SDK 3.1.189);
# financial zones: the notes of the redis actions' pages.
_TENCENT = """
    ap-bangkok ap-beijing ap-chengdu ap-chongqing ap-guangzhou ap-hongkong ap-jakarta ap-mumbai ap-nanjing ap-seoul
    ap-shanghai ap-shanghai-fsi ap-shenzhen-fsi ap-singapore ap-tokyo eu-frankfurt na-ashburn na-siliconvalley
    sa-saopaulo
"""

# Read 2026-11-26. Endpoints of R-kvstore (alibabacloud.com help, redis/developer-reference, 2024-11-13 and the newest
# page), and the endpoint map of alibabacloud-fc20230330: its regions follow the same rule for hosts.
_ALIBABA = """
    ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-5 ap-southeast-6
    ap-southeast-7 cn-beijing cn-chengdu cn-fuzhou cn-guangzhou cn-hangzhou cn-hangzhou-finance cn-heyuan
    cn-heyuan-acdr-1 cn-hongkong cn-huhehaote cn-nanjing cn-qingdao cn-shanghai cn-shanghai-finance-1 cn-shenzhen
    cn-wuhan-lr cn-wulanchabu cn-zhangjiakou cn-zhengzhou-jva eu-central-1 eu-west-1 me-central-1 us-east-1 us-west-1
"""
# The other regions in the endpoint map of alibabacloud-r-kvstore20150101 7.0.0. The central host serves them.
_ALIBABA_CENTRAL = """
    ap-northeast-2-pop cn-beijing-finance-pop cn-beijing-gov-1 cn-beijing-nu16-b01 cn-edge-1 cn-fujian
    cn-haidian-cm12-c01 cn-hangzhou-bj-b01 cn-hangzhou-internal-prod-1 cn-hangzhou-internal-test-1
    cn-hangzhou-internal-test-2 cn-hangzhou-internal-test-3 cn-hangzhou-test-306 cn-hongkong-finance-pop
    cn-qingdao-nebula cn-shanghai-et15-b01 cn-shanghai-et2-b01 cn-shanghai-inner cn-shanghai-internal-test-1
    cn-shenzhen-inner cn-shenzhen-st4-d01 cn-shenzhen-su18-b01 cn-wuhan cn-yushanfang cn-zhangbei
    cn-zhangbei-na61-b01 cn-zhangjiakou-na62-a01 cn-zhengzhou-nebula-1 eu-west-1-oxs rus-west-1-pop
"""

REGIONS: Mapping[str, tuple[str, ...]] = {
    "tencent": tuple(_TENCENT.split()),
    "alibaba": tuple(_ALIBABA.split() + _ALIBABA_CENTRAL.split()),
}
"""The accepted regions of each cloud."""


def regions_of(cloud: str | None) -> tuple[str, ...]:
    """One cloud's regions, or all."""
    return REGIONS[cloud] if cloud else tuple(name for names in REGIONS.values() for name in names)


def region_rule(cloud: str | None, given: str) -> str:
    """The rule for error texts: the regions of one cloud or of each cloud, and which one is near what was given.

    A region of another cloud is told as such: the whole command is most likely meant for that cloud's functions.
    """
    if cloud and (others := [name for name in REGIONS if given in REGIONS[name]]):
        return f"must be a region of {cloud}; {given} is one of {others[0]}: is this for a function of {others[0]}?"
    from shared.runtime.spelling import nearest

    near = nearest(given, regions_of(cloud))
    lists = []
    for name in [cloud] if cloud else REGIONS:
        offer = f" (did you mean `{near}`?)" if near in REGIONS[name] else ""
        lists.append(f"{name}{offer} {', '.join(REGIONS[name])}")
    return f"must be a region of {'; or of '.join(lists)}; to add one, edit {_FILE}"


def check_region(cloud: str, region: str) -> None:
    """Check a command's region. Raises: Refused (invalid_command) if the cloud's table does not list it."""
    if region not in REGIONS[cloud]:
        then = "Nothing was called; it comes from the command, or from KEYTURN_REGION"
        text = f"Region: {region_rule(cloud, region)}. {then}"
        raise Refused(ErrorClass.INVALID_COMMAND, text, code="UnknownRegion")
