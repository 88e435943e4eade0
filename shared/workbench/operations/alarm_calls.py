"""What the log services' own calls take, made of an alarm recipe."""

from __future__ import annotations

from typing import Any

from shared.workbench.operations.alarms import Alarm

CLS_LEVEL = {"critical": 2, "warning": 0}
"""`AlarmLevel` of CreateAlarm, cls 2020-10-16."""
SLS_SEVERITY = {"critical": 10, "warning": 6}
"""`severity` of an alert rule's `severityConfigurations`, Sls 2020-12-30."""


def create_alarm_parameters(alarm: Alarm, *, logset_id: str, topic_id: str, notice_ids: list[str]) -> dict[str, Any]:
    """The parameters of CreateAlarm for a recipe.

    Source: CreateAlarm, cls 2020-10-16, in tencentcloud-sdk-python-cls 3.1.192 and product/614/42830 (2026-06).
    """
    target = {
        "TopicId": topic_id,
        "LogsetId": logset_id,
        "Query": alarm.cls.strip(),
        "Number": 1,
        "StartTimeOffset": -alarm.window_minutes,
        "EndTimeOffset": 0,
        "SyntaxRule": 1,
    }
    when: dict[str, Any] = {"Type": "Cron", "CronExpression": alarm.cron}
    if alarm.every_minutes is not None:
        when = {"Type": "Period", "Time": alarm.every_minutes}
    return {
        "Name": alarm.name,
        "AlarmTargets": [target],
        "MonitorTime": when,
        "Condition": alarm.cls_condition,
        "AlarmLevel": CLS_LEVEL[alarm.level],
        "TriggerCount": 1,
        "AlarmPeriod": alarm.repeat_minutes,
        "AlarmNoticeIds": notice_ids,
        "Status": True,
    }


def create_alert_body(
    alarm: Alarm,
    *,
    region: str,
    project: str,
    logstore: str,
    action_policy: str,
    alert_policy: str = "sls.builtin.dynamic",
) -> dict[str, Any]:
    """The body of CreateAlert for a recipe.

    Source: CreateAlert, Sls 2020-12-30, in alibabacloud_sls20201230 5.15.1.
    """
    query = {
        "query": alarm.sls.strip(),
        "timeSpanType": "Relative",
        "start": f"-{alarm.window_minutes}m",
        "end": "now",
        "storeType": "log",
        "region": region,
        "project": project,
        "store": logstore,
        "powerSqlMode": "auto",
    }
    schedule: dict[str, Any] = {"type": "Cron", "cronExpression": alarm.cron, "timeZone": "+0000"}
    if alarm.every_minutes is not None:
        schedule = {"type": "FixedRate", "interval": f"{alarm.every_minutes}m", "runImmediately": True}
    severity = {"severity": SLS_SEVERITY[alarm.level], "evalCondition": {"condition": alarm.sls_condition}}
    policy = {"alertPolicyId": alert_policy, "actionPolicyId": action_policy, "repeatInterval": _interval(alarm)}
    return {
        "name": f"keyturn-{alarm.id.replace('_', '-')}",
        "displayName": alarm.name,
        "description": alarm.means,
        "schedule": schedule,
        "configuration": {
            "version": "2.0",
            "type": "default",
            "queryList": [query],
            "groupConfiguration": {"type": "no_group"},
            "severityConfigurations": [severity],
            "threshold": 1,
            "noDataFire": False,
            "sendResolved": True,
            "policyConfiguration": policy,
            "annotations": [{"key": "title", "value": alarm.name}, {"key": "runbook", "value": alarm.runbook}],
            "autoAnnotation": True,
        },
    }


def _interval(alarm: Alarm) -> str:
    return f"{alarm.repeat_minutes or 1}m"
