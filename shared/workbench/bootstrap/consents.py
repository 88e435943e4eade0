"""Whether somebody has agreed to a service's first use in the console, which no API does: by what a read says."""

from __future__ import annotations

from shared.workbench.apis import sls
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallRefused, waited_out
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.needs import Consent, Needs

_NOT_OPENED = ("notactivated", "notopen", "notpurchased", "notenabled", "accountnotexist", "rolenotexist")
"""Parts of the codes that say so, in lower case. SSM's and CLS's codes are of their SDKs' lists; claim: I4."""


def is_given(api: TencentApi | AlibabaApi, needs: Needs, consent: Consent) -> bool:
    """Whether a consent shows; a refusal that says nothing of it is raised, once those that pass were waited out.

    Raises: CallRefused, CallLost, CallerRefused.
    """
    try:
        waited_out(lambda: _ask(api, needs, consent.service))
    except CallRefused as refused:
        if any(part in refused.code.lower() for part in _NOT_OPENED):
            return False
        raise
    return True


def _ask(api: TencentApi | AlibabaApi, needs: Needs, service: str) -> None:
    """Any read of the service. Raises: CallRefused, CallLost, CallerRefused."""
    if isinstance(api, TencentApi):
        reads: dict[str, tuple[str, str, dict[str, str | int]]] = {
            "scf": ("cam", "GetRole", {"RoleName": "SCF_QcsRole"}),
            "ssm": ("ssm", "ListSecrets", {"Limit": 1}),
            "cls": ("cls", "DescribeLogsets", {"Limit": 1}),
        }
        api.call(*reads[service])
    elif service == "fc":
        api.call_function("ListFunctions", "GET", "/2023-03-30/functions", {"limit": "1"})
    elif service == "sls":
        _knows_project(api, needs.logs.group)
    elif service == "smq":
        api.call("mns-open", "ListQueue", {"PageNum": "1", "PageSize": "1"})
    elif service == "eventbridge":
        api.call("eventbridge-console", "ListEventBuses", {"Limit": "1"})
    else:
        api.call("kms", "ListSecrets", {"PageNumber": "1", "PageSize": "1"})


def _knows_project(api: AlibabaApi, project: str) -> None:
    """Ask SLS for a project; that there is none is an answer. Raises: CallRefused, CallLost, CallerRefused."""
    try:
        sls.ask(api, "GetProject", "GET", "/", project=project)
    except CallRefused as refused:
        if "ProjectNotExist" not in refused.code:
            raise
