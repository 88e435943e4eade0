"""Masking: every form of every secret, as thorough as it is quick."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.runtime import redaction


def every_form(value: str) -> set[str]:
    """Each encoding computed as its library does it, whatever the value."""
    quoted = json.dumps(value)[1:-1]
    return {
        value,
        quoted,
        json.dumps(quoted)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        base64.b64encode(value.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    }


ANY = st.text(st.characters(codec="utf-8"), min_size=6, max_size=24)
ODD = st.text("ab1 +/~._-%&'\"\\<>=é\n\t", min_size=6, max_size=12)


@given(st.one_of(ANY, ODD))
@settings(max_examples=400, deadline=None)
def test_no_form_of_a_secret_is_left_out(value: str) -> None:
    assert redaction._forms(value) == every_form(value)


@given(st.lists(st.one_of(ANY, ODD), min_size=1, max_size=4), st.text(max_size=9), st.text(max_size=9), st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_form_is_masked_wherever_it_stands(
    values: list[str], before: str, after: str, data: st.DataObject
) -> None:
    for value in values:
        redaction.remember(value)
    form = data.draw(st.sampled_from(sorted(every_form(values[0]))))
    text = f"{before}{form}{after}"
    assert form in text
    assert redaction.scrub(text) == masked_one_by_one(text)
    assert redaction.scrub_all([before, text]) == [masked_one_by_one(before), masked_one_by_one(text)]


def masked_one_by_one(text: str) -> str:
    """What `scrub` promises, by looking for each form of each secret that is known."""
    hits = {form for value in redaction._known for form in every_form(value) if form in text}
    for form in sorted(hits, key=len, reverse=True):
        text = text.replace(form, redaction.MASK)
    return text


def test_the_index_of_secrets_is_emptied_with_the_secrets() -> None:
    for n in range(2 * redaction._MOST):
        redaction.remember(f"secret/{n:05d}+aaaaaaaa")
    indexed = {form for forms in redaction._groups.values() for form in forms}
    assert indexed == {form for known in redaction._known.values() for form in known.forms}
    assert len(redaction._known) == redaction._MOST
    assert redaction.scrub("secret/00000+aaaaaaaa") == "secret/00000+aaaaaaaa"  # forgotten
    assert redaction.scrub(f"at secret%2F{2 * redaction._MOST - 1:05d}%2Baaaaaaaa!") == "at ***!"


def test_two_secrets_that_share_a_form_are_forgotten_one_by_one() -> None:
    value = "plain-secret-value"
    packed = base64.b64encode(value.encode()).decode().rstrip("=")
    redaction.remember(packed)
    redaction.remember(value)
    for n in range(redaction._MOST - 1):  # forgets the older of the two
        redaction.remember(f"another-secret-{n}")
    assert redaction.scrub(f"x {packed}") == "x ***"
