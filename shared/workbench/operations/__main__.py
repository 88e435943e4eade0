"""Prints the alarm recipes as a cloud's own call takes them, one JSON object a line."""

from __future__ import annotations

import json

from shared.workbench.environment.command_line import CommandLine
from shared.workbench.operations.alarm_calls import create_alarm_parameters, create_alert_body
from shared.workbench.operations.alarms import read_alarms


def main() -> None:
    prog = "python -m shared.workbench.operations"
    parser = CommandLine(prog, __doc__, f"{prog} readme", f"{prog} tencent --help", only_shows=True)
    forms = parser.add_subparsers(dest="form", required=True)
    tencent = forms.add_parser("tencent", help="parameters of CreateAlarm (cls 2020-10-16)")
    tencent.add_argument("--logset", required=True)
    tencent.add_argument("--topic", required=True)
    tencent.add_argument("--notice", required=True, action="append")
    alibaba = forms.add_parser("alibaba", help="bodies of CreateAlert (Sls 2020-12-30)")
    for name in ("--region", "--project", "--logstore", "--action-policy"):
        alibaba.add_argument(name, required=True)
    given = parser.parse_args()
    for alarm in read_alarms().alarm:
        if given.form == "tencent":
            made = create_alarm_parameters(alarm, logset_id=given.logset, topic_id=given.topic, notice_ids=given.notice)
        else:
            made = create_alert_body(
                alarm,
                region=given.region,
                project=given.project,
                logstore=given.logstore,
                action_policy=given.action_policy,
            )
        print(json.dumps(made, ensure_ascii=False))


main()
