"""The permissions of each function, generated from the `rights` beside it, the queues that its settings name and
where its lines go.

Nothing here was tried on a cloud. A grant is `documented` where the cloud's own table of actions was read for it; any
other is `unverified`, with the reason, and `make plan` prints that. CAM's tables put each action on one of two levels,
and where one of the operation level names a resource, the policy gives no right at all. So `*` stands where the table
has it, or where the action names no resource; a read whose row was not seen is granted twice, by its resource and by
`*`. A change whose row was not seen gets its resource alone: a refusal is plain to see, a right too many is not.
Sources: Tencent CAM 239/38701 and 598/112151 (Redis), 598/70035 (TCR), 1140/40871 (SSM), 598/101280 (CKafka),
598/19422 (roles of other accounts), 598/10606 (resources in six parts: an empty region is any, an empty account the
policy's own); Alibaba RAM, help documents of R-kvstore, SMQ, KMS (28953) and STS (39744).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.commands.store_reference import parse_ref
from shared.runtime import queue_urls
from shared.runtime.role_names import role_parts
from shared.runtime.settings import read_settings
from shared.stores.store import RIGHTS
from shared.workbench.bundle.description import Cloud, Description, FunctionSpec
from shared.workbench.bundle.operations import rights

Status = Literal["documented", "unverified"]

_SERVICES: Mapping[str, tuple[Cloud, str]] = {
    # The API's own name of a service -> its cloud, and what KEYTURN_ALLOW calls it.
    "redis": ("tencent", "redis"),
    "tcr": ("tencent", "tcr"),
    "kvstore": ("alibaba", "tair"),
    "ssm": ("tencent", "ssm"),
    "kms": ("alibaba", "kms"),
}
_DOCUMENTED = {
    "redis:ModifyInstanceAccount",
    "redis:ModfiyInstancePassword",
    "redis:DescribeTaskInfo",
    "ssm:GetSecretValue",
    "ssm:ListSecretVersionIds",
    "ssm:PutSecretValue",
    "ssm:UpdateSecret",
    "kvstore:ModifyAccountPassword",
    "kms:GetSecretValue",
    "kms:ListSecretVersionIds",
    "kms:PutSecretValue",
    "kms:UpdateSecretVersionStage",
}
# Authorised per action, not per instance: the table gives `*` (239/38701).
_ANY_RESOURCE = {"redis:DescribeTaskInfo"}
_WHY = {
    "redis:ModifyInstancePassword": "239/38701 has the older spelling alone; the row of neither was seen in 598/112151",
    "tcr:ModifyServiceAccountPassword": "the resource's form is that of its sibling actions",
    "ssm:DeleteSecretVersion": "598/57154, the international table, has it on the operation level: there grant `*`",
    "log:PostLogStoreLogs": "the action and its resource are SLS's own; what FC's role needs of it was not tried",
    "ckafka:SendMessage": "its row was not seen; the call names no instance, so that no resource can be told",
}
# FC's page of its default role (181589) has the first seven, that of network settings (FC 2.0) the last.
_INTERFACES = (
    *(f"ecs:{verb}NetworkInterface{more}" for verb in ("Create", "Delete") for more in ("", "Permission")),
    *("ecs:DescribeNetworkInterfaces", "ecs:DescribeNetworkInterfacePermissions"),
    *("vpc:DescribeVSwitchAttributes", "vpc:DescribeVpcAttribute"),
)
_WHY_INTERFACES = "FC 3.0 may take them from its service-linked role instead: remove it where a network works without"
_NOT_SEEN = "its row in the cloud's table was not seen; the resource's form is that of its sibling actions"
_READS = ("Describe", "Get", "List")


@dataclass(frozen=True)
class Grant:
    """One action on some resources, and how well that is known."""

    action: str
    resources: tuple[str, ...]
    status: Status
    why: str = ""


@dataclass(frozen=True)
class Policy:
    """What one identity may do. `holder` is the function's role, or the keys that it is given for the other cloud."""

    function: str
    cloud: Cloud
    holder: str
    grants: tuple[Grant, ...]
    trust: Mapping[str, Any] | None  # who may take the role; None for keys

    @property
    def document(self) -> dict[str, Any]:
        """As the cloud takes it."""
        together: dict[tuple[str, ...], list[str]] = {}
        for grant in self.grants:
            together.setdefault(grant.resources, []).append(grant.action)
        return policy_document(self.cloud, [(actions, list(resources)) for resources, actions in together.items()])

    @property
    def remarks(self) -> tuple[str, ...]:
        """One line for each grant that is not documented, or that is for any resource."""
        unverified = [f"unverified: {g.action}: {g.why}" for g in self.grants if g.status == "unverified"]
        wide = [f"any resource: {g.action}: {self._why_any(g)}" for g in self.grants if g.resources == ("*",)]
        return (*dict.fromkeys(unverified), *wide)

    def _why_any(self, grant: Grant) -> str:
        if grant.action in _ANY_RESOURCE:
            return "the cloud takes no other"
        if any(one.action == grant.action for one in self.grants if one.resources != ("*",)):
            return "in case it is of the operation level; remove this one where it works without"
        return "no other can be named"


def policy_document(cloud: Cloud, allowed: Iterable[tuple[list[str], list[str]]]) -> dict[str, Any]:
    """A policy that allows actions on resources, in the cloud's own form: CAM 2.0 or RAM 1."""
    if cloud == "tencent":
        parts = [{"effect": "allow", "action": actions, "resource": on} for actions, on in allowed]
        return {"version": "2.0", "statement": parts}
    statements = [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in allowed]
    return {"Version": "1", "Statement": statements}


def policies(description: Description, spec: FunctionSpec) -> tuple[Policy, ...]:
    """The role's policy first, then one for the other cloud's keys, if the function calls that too."""
    granted = list(_grants(description, spec))
    found = []
    for cloud in (description.cloud, "alibaba" if description.cloud == "tencent" else "tencent"):
        grants = tuple(grant for owner, grant in granted if owner == cloud)
        own = cloud == description.cloud
        if grants or own:
            holder = spec.role if own else f"keys in KEYTURN_{cloud.upper()}_*"
            found.append(Policy(spec.name, _cloud(cloud), holder, grants, _trust(description) if own else None))
    return tuple(found)


def _cloud(name: str) -> Cloud:
    return "tencent" if name == "tencent" else "alibaba"


def _trust(description: Description) -> dict[str, Any]:
    """Who may take the role: the platform's service. Sources: SCF 583/38176, FC "Grant permissions to FC"."""
    if description.platform == "scf":
        principal = {"service": ["scf.qcloud.com"]}
        statement = {"effect": "allow", "action": "name/sts:AssumeRole", "principal": principal}
        return {"version": "2.0", "statement": [statement]}
    service = {"Service": ["fc.aliyuncs.com"]}
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": service}]}


def _grants(description: Description, spec: FunctionSpec) -> Iterator[tuple[Cloud, Grant]]:
    for action in rights(spec.module, [one.module for one in description.functions]):
        cloud, _ = _SERVICES[action.partition(":")[0]]
        if cloud in spec.clouds:
            documented = action in _DOCUMENTED
            resources = ("*",) if action in _ANY_RESOURCE else tuple(_instances(description, spec, action))
            why = "" if documented else _WHY.get(action, _NOT_SEEN)
            if not resources:  # KEYTURN_ALLOW names nothing of this service: no such call is ever made
                continue
            yield cloud, Grant(action, resources, "documented" if documented else "unverified", why)
            if cloud == "tencent" and not documented and action.partition(":")[2].startswith(_READS):
                yield cloud, Grant(action, ("*",), "unverified", why)
    yield from _store_grants(description, spec)
    yield from _role_grants(spec)
    if spec.logs is not None and description.platform == "fc":  # SCF writes lines by itself, with no role of ours
        place = f"project/{spec.logs.group}/logstore/{spec.logs.topic}"
        resource = f"acs:log:{description.region}:{_account(spec)}:{place}"
        yield "alibaba", Grant("log:PostLogStoreLogs", (resource,), "unverified", _WHY["log:PostLogStoreLogs"])
    if spec.network is not None and description.platform == "fc":  # of SCF's roles no page asks for such rights
        yield from (("alibaba", Grant(one, ("*",), "unverified", _WHY_INTERFACES)) for one in _INTERFACES)
    yield from _queue_grants(description, spec)


def _store_grants(description: Description, spec: FunctionSpec) -> Iterator[tuple[Cloud, Grant]]:
    """Reading and keeping secrets: only in the stores that KEYTURN_ALLOW names, or else a rotation's policy."""
    if spec.module == "plan_rotation":  # it lists versions, and reads no secret
        return
    for cloud in spec.clouds:
        kind = "ssm" if cloud == "tencent" else "kms"
        allowed = read_settings(spec.environment).allow
        if allowed is None:
            places = _rotated(description, spec, kind)
        else:
            places = {(p[2], p[3]) for p in allowed if _covers(p[0], cloud) and _covers(p[1], kind)}
        resources = [_secret(spec, kind, *place) for place in sorted(places)]
        for action in RIGHTS[cloud] if resources else ():
            documented = action in _DOCUMENTED
            why = "" if documented else _WHY.get(action, _NOT_SEEN)
            yield _cloud(cloud), Grant(action, tuple(resources), "documented" if documented else "unverified", why)


def _role_grants(spec: FunctionSpec) -> Iterator[tuple[Cloud, Grant]]:
    """Assuming the roles that KEYTURN_ASSUME names, and no others."""
    for cloud in spec.clouds:
        roles = [role for role in read_settings(spec.environment).assume if (role_parts(role) or ("",))[0] == cloud]
        # RAM's policies name a role in any region, a role's own name has none.
        named = tuple(role.replace("acs:ram::", "acs:ram:*:") for role in roles)
        if named:
            yield _cloud(cloud), Grant("sts:AssumeRole", named, "documented")


def _served(description: Description, spec: FunctionSpec) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """Every policy of the own account that this function lists or changes for, and its regions."""
    for policy in (one for other in description.functions for one in other.rotations):
        in_other_account = policy.get("Role") or policy.get("Roles")  # whose own role has the right then
        if not in_other_account and (spec.module in (policy["Function"], "follow_change") or policy in spec.rotations):
            yield policy, policy.get("Regions") or [policy.get("Region") or description.region]


def _rotated(description: Description, spec: FunctionSpec, kind: str) -> set[tuple[str, str]]:
    """Region and name, `*` for what differs, of the stores of those policies."""
    found = set()
    for policy, regions in _served(description, spec):
        if policy.get("Store"):
            place = parse_ref(policy["Store"].replace("{resource}", "x").replace("{account}", "x"))
            name = policy["Store"].partition("://")[2].replace("{resource}", "*").replace("{account}", "*")
            if place.kind == kind:
                found |= {(region, name) for region in regions}
    return found


def _secret(spec: FunctionSpec, kind: str, region: str, name: str) -> str:
    """A secret as the cloud's policies name it."""
    if kind == "ssm":
        return f"qcs::ssm:{'' if region == '*' else region}::secret/creatorUin/*{'' if name == '*' else f'/{name}'}"
    return f"acs:kms:{region}:{_account(spec)}:secret/{name}"


def _instances(description: Description, spec: FunctionSpec, action: str) -> Iterator[str]:
    """The instances that KEYTURN_ALLOW names; without it each of the default region and of those of policies."""
    service = action.partition(":")[0]
    cloud, called = _SERVICES[service]
    allowed = read_settings(spec.environment).allow
    if allowed is None:
        places = {(description.region if cloud == description.cloud else "*", "*")}
        if cloud == description.cloud:
            served = [on for policy, on in _served(description, spec) if policy["Function"].startswith(cloud)]
            places |= {(region, "*") for regions in served for region in regions}
    else:
        places = {(p[2], p[3]) for p in allowed if _covers(p[0], cloud) and _covers(p[1], called)}
    for region, instance in sorted(places):
        if service in ("ssm", "kms"):
            yield _secret(spec, service, region, instance)
        elif cloud == "tencent":
            yield f"qcs::{service}:{'' if region == '*' else region}::instance/{instance}"
        else:
            yield f"acs:{service}:{region}:{_account(spec)}:instance/{instance}"


def _covers(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern)


def _account(spec: FunctionSpec) -> str:
    """The account of the function's role, an ARN on FC; elsewhere any."""
    parts = spec.role.split(":")
    return parts[3] if len(parts) == 5 else "*"


def _queue_grants(description: Description, spec: FunctionSpec) -> Iterator[tuple[Cloud, Grant]]:
    """What publishing takes: results, and commands to this function itself and to whom it sends on."""
    settings = read_settings(spec.environment)
    others = ["follow_change"]
    if spec.module == "plan_rotation":
        others = [other.module for other in description.functions if other.module != "follow_change"]
    targets = dict.fromkeys([spec.module, *others])
    sent = [
        settings.results,
        *(settings.commands and settings.commands.replace("{function}", t.replace("_", "-")) for t in targets),
    ]
    ckafka = False
    smq: dict[str, None] = {}
    for url in sent:
        scheme, _, rest = (url or "").partition("://")
        if scheme == "ckafka":
            ckafka = True
        elif scheme == "smq":
            place = queue_urls.smq_place(rest)
            region = place.region.removesuffix("-internal").removesuffix("-vpc")
            smq[f"acs:mns:{region}:{place.account}:/queues/{place.queue}/messages"] = None
    if ckafka:
        yield "tencent", Grant("ckafka:SendMessage", ("*",), "unverified", _WHY["ckafka:SendMessage"])
    if smq:
        yield "alibaba", Grant("mns:SendMessage", tuple(smq), "documented")
