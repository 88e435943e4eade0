"""Whose account is asked, and what serverless.yml says of it once the account's own names stand in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import waited_out
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap import alibaba, consents, leftovers, settings, tencent
from shared.workbench.bootstrap.needs import Consent, Needs, is_unset, log_place, needs
from shared.workbench.bootstrap.resources import Resource
from shared.workbench.bundle.description import Cloud, Description
from shared.workbench.bundle.loading import Purpose, load
from shared.workbench.deploy import access
from shared.workbench.deploy.access import Refused


@dataclass(frozen=True)
class Account:
    """One account as one description is to run in it. `exports`: variables to set, as far as they are known yet.

    `gone`: variables that name what the account does not have, which therefore count as unset.
    """

    api: TencentApi | AlibabaApi | None  # None: nobody's keys, so that nothing can be asked
    number: str
    description: Description
    needs: Needs
    exports: Mapping[str, str]
    gone: Mapping[str, str] = field(default_factory=dict)

    def resources(self) -> list[Resource]:
        """What bootstrap makes, in order."""
        if isinstance(self.api, TencentApi):
            return tencent.resources(self.api, self.needs)
        return alibaba.resources(self.api, self.needs) if self.api else []

    def leftovers(self, waits: Collection[str]) -> list[Resource]:
        """What carries the mark and is not among the resources, by the clouds' lists; `waits`: services not opened.

        Raises: CallRefused, CallLost, CallerRefused.
        """
        if isinstance(self.api, TencentApi):
            found = leftovers.of_tencent(self.api, self.needs, waits)
        else:
            found = leftovers.of_alibaba(self.api, self.needs, waits) if self.api else []
        known = {(one.kind, one.name, one.place) for one in self.resources()}
        return [one for one in found if (one.kind, one.name, one.place) not in known]

    def is_given(self, consent: Consent) -> bool:
        """Whether a consent shows. Raises: CallRefused, CallLost, CallerRefused."""
        return self.api is not None and consents.is_given(self.api, self.needs, consent)


def read_account(
    file: Path, cloud: Cloud, environ: Mapping[str, str], *, to: Purpose = "read", with_keys: bool = True
) -> Account:
    """Ask whose keys these are, and read the file for that account. Without keys nothing is called.

    Raises: DescriptionError; Refused; CallRefused, CallLost, CallerRefused.
    """
    first = load(file, cloud, environ)
    environ = _usable(first, environ)
    api = access.api(first, environ) if with_keys else None
    number = environ.get("ALIBABA_ACCOUNT", "") if cloud == "alibaba" else ""
    if api:
        number = str(waited_out(lambda: api.call("sts", "GetCallerIdentity", {}))["AccountId"])
    exports: dict[str, str] = {}
    place = log_place(first, number)
    gone = waited_out(lambda: settings.stale(api, first, environ, place)) if api else {}
    environ = {name: value for name, value in environ.items() if name not in gone}
    if cloud == "alibaba":
        if not number:
            raise Refused("whose account? set ALIBABA_ACCOUNT to its number")
        if environ.get("ALIBABA_ACCOUNT", number) != number:
            raise Refused(f"ALIBABA_ACCOUNT is {environ['ALIBABA_ACCOUNT']}, and these keys are of account {number}")
        exports = {"ALIBABA_ACCOUNT": number}
        if not (environ.get("KEYTURN_SLS_PROJECT") or environ.get("KEYTURN_SLS_LOGSTORE")):
            exports |= {"KEYTURN_SLS_PROJECT": place.group, "KEYTURN_SLS_LOGSTORE": place.topic}
        exports |= _queues(environ, load(file, cloud, {**environ, **exports}))
    description = load(file, cloud, {**environ, **exports}, to=to)
    return Account(api, number, description, needs(description, number), exports, gone)


def _usable(description: Description, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without queues that a platform cannot use, such as a file's: others are made in their place."""
    return {
        name: value
        for name, value in environ.items()
        if name not in settings.QUEUES or not is_unset(description, value)
    }


def _queues(environ: Mapping[str, str], named: Description) -> dict[str, str]:
    """The URLs of SMQ queues that nobody named, as serverless.yml has them: a broker's would hold a password."""
    found = {}
    for variable in settings.QUEUES:
        urls = {spec.environment.get(variable, "") for spec in named.functions}
        if not environ.get(variable) and len(urls) == 1 and (url := urls.pop()).startswith("smq://"):
            found[variable] = url
    return found
