"""Where a deployed bundle's results go, by serverless.yml, and what else shows the same results."""

from __future__ import annotations

from collections.abc import Mapping

from shared.rotation.policy import FUNCTION as PLAN
from shared.workbench.bundle.description import Description
from shared.workbench.deploy.access import identity
from shared.workbench.results.errors import SourceError
from shared.workbench.results.source import Source, open_source

_CLOUD_OF = {"ckafka": "tencent", "smq": "alibaba"}


def results_url(description: Description) -> str:
    """KEYTURN_RESULTS of the functions; of plan_rotation's where they differ. Raises: SourceError."""
    specs = sorted(description.functions, key=lambda spec: spec.module != PLAN)
    url = next((url for spec in specs if (url := spec.environment.get("KEYTURN_RESULTS", "").strip())), "")
    if not url:
        raise SourceError("KEYTURN_RESULTS is empty in serverless.yml: results go to nobody")
    return url


def open_results(description: Description, environ: Mapping[str, str], *, since: float, borrow: bool = False) -> Source:
    """The bundle's results queue, with the keys of the person who reads. Raises: SourceError, deploy's Refused."""
    url = results_url(description)
    cloud = _CLOUD_OF.get(url.partition("://")[0].lower())
    keys = identity(cloud, environ) if cloud else {"id": "", "key": ""}
    return open_source(url, keys, environ, since=since, borrow=borrow)


def log_search(description: Description) -> str:
    """How the functions' logs show the same results: each has a line of its own there."""
    logs = next((spec.logs for spec in description.functions if spec.logs), None)
    if description.platform == "scf":
        where = f"log topic {logs.topic}" if logs and logs.topic else "the log topic of the functions"
        return f'the logs show the same results: in CLS, {where}, search  event:"result"'
    where = f"Logstore {logs}" if logs else "the Logstore of the functions (none is configured: FC keeps no line)"
    return f"the logs show the same results: in SLS, {where}, search  event: result"
