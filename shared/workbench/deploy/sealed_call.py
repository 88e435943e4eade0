"""A secret for the caller of one signed call, sealed on its way: SCF logs what a function returns.

Where a command asks for a reply with its secret, it is sent with a public key in its place, made for this call; what
comes back sealed is shown as a reply would have shown it. The private key stays in this process's memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_ADVICE = {
    '"SealKeyForbidden"': "KEYTURN_SEAL_KEYS of this function names the only keys that it seals to, and one that is"
    " made for a call is none of them: give Deliver.Seal with one of those, or Deliver.Store",
    '"ReplyOff"': "this function cannot seal either: give Deliver.Store, or deploy it with `seals: true` in"
    " serverless.yml where its platform takes the larger zip",
}


class SealedCall:
    """One call's commands, as they are sent, and its answer, as it is shown.

    `seals`: whether the function can; if not, a secret can only be in its reply, where its platform allows that.
    """

    def __init__(self, body: bytes, *, seals: bool) -> None:
        from joserfc.jwk import ECKey

        self.body = body
        self._key = ECKey.generate_key("P-256")
        self._public = dict(self._key.as_dict(private=False))
        self._sealed = False
        try:
            commands = json.loads(body) if seals else None
        except ValueError:  # the function says what is wrong with it
            return
        asked = self._each(commands)
        if self._sealed:
            self.body = json.dumps(asked, ensure_ascii=False).encode()

    def shown(self, text: str) -> str:
        """The answer with each secret that was sealed for this call as its `Password`."""
        if not self._sealed:
            return text
        try:
            answer = json.loads(text)
        except ValueError:
            return text
        if not isinstance(answer, dict):
            return text
        if isinstance(many := answer.get("Results"), list):
            passwords = [self._opened(event) for event in many]
            if any(passwords):
                answer["Passwords"] = passwords
        elif (password := self._opened(answer.get("Result"))) is not None:
            answer["Password"] = password
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))

    def advice(self, text: str) -> str:
        """What to do where the secret had no way to the caller; empty if it had."""
        return next((advice for code, advice in _ADVICE.items() if code in text), "")

    def _each(self, value: Any) -> Any:
        """A command, a CloudEvent around one, or a list of either, each asking for a seal in place of a reply."""
        if isinstance(value, list):
            return [self._each(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "specversion" in value:
            return {**value, "data": self._each(value["data"])} if "data" in value else value
        return self._asking(value)

    def _asking(self, command: dict[str, Any]) -> dict[str, Any]:
        deliver = command.get("Deliver")
        if deliver is None:
            made = command.get("Random") is True or any(map(_is_wish, command.values()))
            wants, rest = made, {}
        elif isinstance(deliver, dict):
            # Sealed to a key of the caller's own it needs no second one.
            wants, rest = deliver.get("Reply") is True and deliver.get("Seal") is None, dict(deliver)
        else:
            return command
        if not wants:
            return command
        self._sealed = True
        rest.pop("Reply", None)
        return {**command, "Deliver": {**rest, "Seal": self._public}}

    def _opened(self, event: object) -> str | None:
        """The secret that an event holds for this call's key, if it is of the change that the event is of."""
        from joserfc import jwe
        from joserfc.errors import JoseError

        data = event.get("data") if isinstance(event, Mapping) else None
        sealed = data.get("Sealed") if isinstance(data, Mapping) else None
        if not isinstance(event, Mapping) or not isinstance(data, Mapping) or not isinstance(sealed, str):
            return None
        try:
            inside = json.loads(jwe.decrypt_compact(sealed, self._key).plaintext or b"")
        except (JoseError, ValueError):  # for another key: a command that names its own
            return None
        ours = (inside["CommandId"], inside["Subject"]) == (data.get("CommandId"), event.get("subject"))
        return str(inside["Secret"]) if ours else None


def _is_wish(value: object) -> bool:
    """Whether a field asks for a new secret to be made."""
    return isinstance(value, dict) and value.keys() == {"Generate"}
