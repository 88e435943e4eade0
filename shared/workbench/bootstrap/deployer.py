"""What the person needs who runs bootstrap, plan, deploy, remove, call and results: no more than their calls.

The tables of both clouds were read for few of these rows, so nearly all of them are granted on any resource: one that a
table has on the operation level gives nothing where a resource is named. What is passed to functions is the exception:
roles by their names. Sources: CAM 598/10606 and 598/101280, RAM's tables of the products; nothing was tried on a cloud.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.workbench.bootstrap.needs import Needs
from shared.workbench.bundle.description import Cloud

ACTIONS: Mapping[Cloud, Mapping[str, str]] = {
    "tencent": {
        "sts": "GetCallerIdentity",
        "cam": "GetRole CreateRole UpdateAssumeRolePolicy TagRole DeleteRole ListPolicies GetPolicy CreatePolicy"
        " UpdatePolicy DeletePolicy AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies",
        "ckafka": "DescribeTopic CreateTopic DeleteTopic DescribeDatahubTasks CreateDatahubTask DeleteDatahubTask"
        " FetchMessageListByTimestamp FetchMessageListByOffset FetchMessageByOffset DescribeTopicAttributes",
        "cls": "DescribeLogsets CreateLogset DeleteLogset DescribeTopics CreateTopic DeleteTopic CreateIndex SearchLog",
        "scf": "ListFunctions GetFunction CreateFunction UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction"
        " ListTriggers CreateTrigger UpdateTrigger DeleteTrigger GetFunctionEventInvokeConfig"
        " UpdateFunctionEventInvokeConfig InvokeFunctionUrl",
        "ssm": "GetServiceStatus DescribeSecret CreateSecret",
        "redis": "DescribeInstances DescribeInstanceAccount",
        "tcr": "DescribeInstances DescribeServiceAccounts",
        "tag": "GetResources TagResources",
    },
    "alibaba": {
        "sts": "GetCallerIdentity",
        "ram": "GetRole CreateRole UpdateRole DeleteRole GetPolicy CreatePolicy CreatePolicyVersion DeletePolicy"
        " AttachPolicyToRole DetachPolicyFromRole ListPoliciesForRole CreateServiceLinkedRole",
        "mns": "ListQueue CreateQueue GetQueueAttributes DeleteQueue ReceiveMessage DeleteMessage PeekMessage",
        "eventbridge": "CreateServiceLinkedRoleForProduct ListEventBuses",
        "log": "ListProject GetProject CreateProject DeleteProject ListLogStores GetLogStore CreateLogStore"
        " DeleteLogStore GetIndex CreateIndex GetLogStoreLogs",
        "fc": "ListFunctions GetFunction CreateFunction UpdateFunction DeleteFunction ListTriggers CreateTrigger"
        " UpdateTrigger DeleteTrigger GetAsyncInvokeConfig PutAsyncInvokeConfig DeleteAsyncInvokeConfig TagResources"
        " UntagResources ListTagResources InvokeFunction",
        "kms": "ListSecrets DescribeSecret CreateSecret",
        "kvstore": "DescribeInstances DescribeAccounts",
    },
}
"""By cloud and service: the API's actions, which are also the names of the rights."""


def deployer_policy(needs: Needs, account: str) -> dict[str, Any]:
    """The policy document; an account that nobody knows is left for the reader as <uin>."""
    actions = [f"{service}:{one}" for service, names in ACTIONS[needs.cloud].items() for one in names.split()]
    if needs.cloud == "tencent":
        roles = [f"qcs::cam::uin/{account or '<uin>'}:roleName/{role.name}" for role in needs.roles]
        passing = {"effect": "allow", "action": ["cam:PassRole"], "resource": roles}
        return {
            "version": "2.0",
            "statement": [{"effect": "allow", "action": actions, "resource": ["*"]}, passing],
        }
    arns = [f"acs:ram::{account}:role/{role.name.lower()}" for role in needs.roles]
    return {
        "Version": "1",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": ["*"]},
            {"Effect": "Allow", "Action": ["ram:PassRole"], "Resource": arns},
        ],
    }
