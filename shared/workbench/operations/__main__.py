"""Prints README's section, or the alarm recipes as a cloud's own call takes them, one JSON object a line."""

from __future__ import annotations

import argparse
import json

from shared.workbench.operations import alarms, cls_policy, readme, sls_rule


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m shared.workbench.operations", description=__doc__)
    forms = parser.add_subparsers(dest="form", required=True)
    forms.add_parser("readme", help="README's section on operations")
    tencent = forms.add_parser("tencent", help="parameters of CreateAlarm (cls 2020-10-16)")
    tencent.add_argument("--logset", required=True)
    tencent.add_argument("--topic", required=True)
    tencent.add_argument("--notice", required=True, action="append")
    alibaba = forms.add_parser("alibaba", help="bodies of CreateAlert (Sls 2020-12-30)")
    for name in ("--region", "--project", "--logstore", "--action-policy"):
        alibaba.add_argument(name, required=True)
    given = parser.parse_args()
    if given.form == "readme":
        print(readme())
        return
    for alarm in alarms().alarm:
        if given.form == "tencent":
            made = cls_policy(alarm, logset_id=given.logset, topic_id=given.topic, notice_ids=given.notice)
        else:
            made = sls_rule(
                alarm,
                region=given.region,
                project=given.project,
                logstore=given.logstore,
                action_policy=given.action_policy,
            )
        print(json.dumps(made, ensure_ascii=False))


main()
