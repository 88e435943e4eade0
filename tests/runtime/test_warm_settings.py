"""Warm: settings are kept over invocations as long as they are the same, and without a key."""

from __future__ import annotations

from shared.runtime import platform, redaction
from shared.runtime.platform import read_invocation
from tests.conftest import ACCOUNT, House


def test_settings_are_read_anew_when_they_change_and_only_then(house: House) -> None:
    with house.environment(ACCOUNT, "scf") as patch:
        first, again = read_invocation({}).settings, read_invocation({}).settings
        patch.setenv("KEYTURN_RATE", "7")
        changed = read_invocation({}).settings
        patch.delenv("KEYTURN_RESULTS")
        unset = read_invocation({}).settings
    assert first is again
    assert (first.rate, changed.rate, changed.results, unset.results) == (None, 7.0, first.results, None)


def test_what_is_kept_of_the_environment_holds_no_key(house: House) -> None:
    with house.environment(ACCOUNT, "scf"):
        read_invocation({})
    assert platform._read is not None
    assert not [name for name in platform._read[0] if "SECRET" in name or "TOKEN" in name or "ACCESS_KEY" in name]


def test_the_password_in_a_queue_url_stays_known_however_many_secrets_come_after_it(house: House) -> None:
    with house.environment(ACCOUNT, "scf") as patch:
        patch.setenv("KEYTURN_RESULTS", "amqp://guest:Amqp-Passw0rd@127.0.0.1:1/vhost?queue=results")
        for n in range(3):
            read_invocation({})
            assert redaction.scrub("x Amqp-Passw0rd y") == "x *** y"
            for m in range(redaction._MOST + 1):
                redaction.remember(f"other-secret-{n}-{m}")
