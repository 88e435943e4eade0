"""How keyturn is watched: its log lines, alarm recipes for both clouds' log services, and what to do (the runbook).

The facts are in `log_lines.toml`, `alarms.toml` and `runbook.toml`. The page, README and tests take them from here.
"""
