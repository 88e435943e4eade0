"""The proofs that a secret is in force: a login and the fence probe. Both add evidence, and neither raises."""

from __future__ import annotations

from dataclasses import replace

from shared.changes.credential import Accepted, LoginAnswer
from shared.changes.delivery import Delivery
from shared.changes.evidence import answer_of, value_or_error
from shared.changes.known import Known
from shared.changes.transitions import Answer
from shared.runtime.backoff import backoff_s
from shared.runtime.errors import KeyturnError
from shared.runtime.secret import Secret

_MOST_PROBES = 8


def login(known: Known, delivery: Delivery, which: str, secret: Secret) -> tuple[Known, LoginAnswer]:
    """One login with the `new` or the `old` secret."""
    timeout_s = max(0.3, min(3.0, delivery.left_s() / 3))
    answer, why = value_or_error(lambda: known.credential.login(secret, timeout_s)), ""
    if isinstance(answer, KeyturnError):  # the cloud did not tell the address
        why = f" ({answer.code or answer.error_class.value})"
        answer = LoginAnswer.UNREACHABLE
    line = f"login with the {which} secret: {answer.value}{why}"
    return (known if known.evidence[-1:] == (line,) else known.noted(line)), answer


def asked_login(known: Known, delivery: Delivery) -> tuple[Known, LoginAnswer | None]:
    """One login with the new secret; None: the command asks for none."""
    new = known.credential.new
    if not delivery.options.login or new is None:
        return known, None
    return login(known, delivery, "new", new)


def opens(known: Known, delivery: Delivery) -> tuple[Known, bool]:
    """Whether one login, if the command asks for it, proves the new secret in force."""
    known, answer = asked_login(known, delivery)
    return known, answer is LoginAnswer.ACCEPTED


def login_for_long(known: Known, delivery: Delivery, secret: Secret) -> tuple[Known, LoginAnswer]:
    """Log in; repeat a refused login while time is left, because the server may still be applying the change.

    After any other failure, try once more.
    """
    tries = 0
    while True:
        tries += 1
        known, answer = login(known, delivery, "new", secret)
        wait_s = backoff_s(tries, base_s=0.6, most_s=3.0)
        settled = answer is LoginAnswer.ACCEPTED or (answer is not LoginAnswer.REFUSED and tries > 1)
        if settled or delivery.left_s() - wait_s <= 0.3:
            return known, answer
        delivery.ports.sleep(wait_s)


def ask_fence(known: Known, delivery: Delivery) -> tuple[Known, Accepted | KeyturnError]:
    """Send the fence probe. It changes nothing, so it is sent again if its answer is lost or says `later`."""
    tries = 0
    while True:
        tries += 1
        probed = value_or_error(known.credential.probe)
        said = Answer.ACCEPTED if isinstance(probed, Accepted) else answer_of(probed)
        shown = "accepted" if isinstance(probed, Accepted) else (probed.code or probed.error_class.value)
        lost_probes = known.calls.lost_probes + (said is Answer.LOST)
        known = replace(known, calls=replace(known.calls, lost_probes=lost_probes)).noted(f"fence_probe: {shown}")
        wait_s = backoff_s(tries, base_s=0.4, most_s=3.0)
        again = said in (Answer.LATER, Answer.LOST) and delivery.left_s() - wait_s >= 0.9
        if not again or tries >= _MOST_PROBES:
            return known, probed
        delivery.ports.sleep(wait_s)
