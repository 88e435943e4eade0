"""The message about a server's TLS certificate that a command refused."""

from __future__ import annotations

from shared.clouds.error_classification import error_if_never_sent
from shared.runtime.tls import CERTIFICATE_REFUSED

_NO_CA_FILE = "this command does not read KEYTURN_CA_FILE"


def refused_certificate(failure: BaseException, host: str = "") -> str:
    """The message about a refused certificate: which server, why, and what to do. Empty: any other failure of a client.

    `host`: the server's name, if the client's failure does not name it.
    """
    error = error_if_never_sent("call", failure)
    if error is None or error.code != CERTIFICATE_REFUSED:
        return ""
    _, problem, advice = error.message.split(": ", 2)
    advice, names_ca_file, _ = advice.partition(";")
    if host:
        problem = problem.replace("the server", host)
    return f"not sent, because {problem}: {advice}" + (f"; {_NO_CA_FILE}" if names_ca_file else "")
