"""What two people may do, no more than their calls: who deploys, and who runs bootstrap, which gives rights.

`deployer.json`: plan, deploy, call, rotate, results, remove. `bootstrap.json`: bootstrap and remove ALL=1, which make
roles and policies: these are an administrator's. The clouds' tables were read for few of these rows, so nearly all of
them are granted on any resource: one that a table has on the operation level gives nothing where a resource is named.
What is passed to functions is the exception: roles by their names. Sources: CAM 598/10606 and 598/101280, RAM's tables
of the products; nothing was tried on a cloud.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.rotation.policy import FUNCTION as PLAN
from shared.workbench.bootstrap.needs import Needs
from shared.workbench.bundle.description import Cloud
from shared.workbench.bundle.operations import rights
from shared.workbench.deploy.policies import policy_document

Rights = Mapping[Cloud, Mapping[str, str]]
"""By cloud and service: the API's actions, which are also the names of the rights."""

DEPLOYS: Rights = {
    "tencent": {
        "sts": "GetCallerIdentity",
        "cam": "GetRole ListPolicies GetPolicy ListAttachedRolePolicies",
        "ssm": "ListSecrets",
        "cls": "DescribeLogsets DescribeTopics",
        "ckafka": "DescribeTopic DescribeDatahubTasks DescribeTopicAttributes FetchMessageListByTimestamp"
        " FetchMessageListByOffset FetchMessageByOffset",
        "scf": "ListFunctions GetFunction GetFunctionAddress CreateFunction UpdateFunctionCode DeleteFunction"
        " UpdateFunctionConfiguration ListTriggers CreateTrigger UpdateTrigger DeleteTrigger"
        " GetFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig GetReservedConcurrencyConfig"
        " PutReservedConcurrencyConfig DeleteReservedConcurrencyConfig InvokeFunctionUrl",
    },
    "alibaba": {
        "sts": "GetCallerIdentity",
        "ram": "GetRole GetPolicy ListPoliciesForRole",
        "mns": "ListQueue GetQueueAttributes PeekMessage ReceiveMessage ChangeMessageVisibility",
        "eventbridge": "ListEventBuses",
        "log": "GetProject GetLogStore",
        "kms": "ListSecrets",
        "fc": "ListFunctions GetFunction CreateFunction UpdateFunction DeleteFunction ListTriggers CreateTrigger"
        " UpdateTrigger DeleteTrigger GetAsyncInvokeConfig PutAsyncInvokeConfig DeleteAsyncInvokeConfig"
        " GetConcurrencyConfig PutConcurrencyConfig DeleteConcurrencyConfig InvokeFunction",
    },
}
BOOTSTRAPS: Rights = {
    "tencent": {
        "sts": "GetCallerIdentity",
        "cam": "GetRole CreateRole UpdateAssumeRolePolicy DeleteRole DescribeRoleList ListPolicies GetPolicy"
        " CreatePolicy UpdatePolicy DeletePolicy AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies",
        "ckafka": "DescribeInstances DescribeTopic CreateTopic DeleteTopic DescribeDatahubTasks CreateDatahubTask"
        " DeleteDatahubTask",
        "cls": "DescribeLogsets CreateLogset DeleteLogset DescribeTopics CreateTopic DeleteTopic CreateIndex",
        "ssm": "ListSecrets DescribeSecret CreateSecret",
    },
    "alibaba": {
        "sts": "GetCallerIdentity",
        "ram": "GetRole CreateRole UpdateRole DeleteRole ListRoles GetPolicy CreatePolicy CreatePolicyVersion"
        " DeletePolicy ListPolicies AttachPolicyToRole DetachPolicyFromRole ListPoliciesForRole"
        " CreateServiceLinkedRole",
        "mns": "ListQueue CreateQueue GetQueueAttributes DeleteQueue",
        "eventbridge": "ListEventBuses",
        "log": "ListProject GetProject CreateProject DeleteProject GetLogStore CreateLogStore DeleteLogStore GetIndex"
        " CreateIndex",
        "fc": "ListFunctions",
        "kms": "ListSecrets DescribeSecret CreateSecret",
    },
}


def names(rights: Rights, cloud: Cloud) -> set[str]:
    """Rights as policies name them."""
    return {f"{service}:{one}" for service, actions in rights[cloud].items() for one in actions.split()}


def deployer_policy(needs: Needs, account: str) -> dict[str, Any]:
    """Of who deploys; an account that nobody knows is left for the reader as <uin>."""
    if needs.cloud == "tencent":
        passes, roles = (
            "cam:PassRole",
            [f"qcs::cam::uin/{account or '<uin>'}:roleName/{one.name}" for one in needs.roles],
        )
    else:
        passes, roles = "ram:PassRole", [f"acs:ram::{account}:role/{one.name.lower()}" for one in needs.roles]
    return policy_document(needs.cloud, [(sorted(names(DEPLOYS, needs.cloud)), ["*"]), ([passes], roles)])


def bootstrap_rights(needs: Needs) -> set[str]:
    """What bootstrap asks for; it lists the policies' fleets, since each account of theirs has a first secret."""
    functions = [str(first.rule["Function"]) for first in needs.secrets]
    listing = rights(PLAN, functions) if functions else ()
    return names(BOOTSTRAPS, needs.cloud) | {one for one in listing if not one.startswith(("ssm:", "kms:"))}


def bootstrap_policy(needs: Needs) -> dict[str, Any]:
    """Of who runs bootstrap."""
    return policy_document(needs.cloud, [(sorted(bootstrap_rights(needs)), ["*"])])
