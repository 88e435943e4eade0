"""How the clouds' proxies read AUTH. This small proxy turns their forms of a login into those of the real server.

All other bytes pass to the real server unchanged. All answers are the real server's, except an older server's answer to
a wrong password. Sources: Tencent https://cloud.tencent.com/document/product/239/36710 (2025-09-22) and 239/135926
(2026-08-13); Alibaba https://help.aliyun.com/document_detail/440521.html (2026-06). A server before 6.0 knows passwords
only (https://redis.io/docs/latest/commands/auth/); its words are those of Redis 5.0, server.c.

Claims: R17, R18, R19, A8, A9.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import Literal

Words = list[bytes]
TwoWordLogin = Literal["accept", "refuse", "arguments"]

DEFAULT = b"default"
"""The real server's name for the account that logs in with a password alone."""
_REFUSED_NEW = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
_REFUSED_OLD = b"-ERR invalid password\r\n"
_TOO_FEW: Words = [b"AUTH"]  # the real server answers: wrong number of arguments
_CHUNK = 64 * 1024
_MOST_WORDS = 1024 * 1024
_PROBE_S = 5.0


@dataclass(frozen=True)
class LoginForms:
    """The forms of AUTH that one instance's proxy accepts.

    `separator`: stands between account and password in a form of one word. `default`: the names of the default account
    before a colon and, if the colon is the separator, in a form of two words. `password_alone`: a password alone logs
    in to the default account. `takes_any`: that account accepts any password; otherwise an account without a password
    refuses every one.
    """

    separator: bytes
    default: frozenset[bytes] = frozenset()
    two_words: TwoWordLogin = "accept"
    password_alone: bool = True
    before_6: bool = False
    takes_any: bool = False

    def candidates(self, words: Words) -> list[Words]:
        """The possible meanings of an AUTH command, as commands for the real server, in the order to try them."""
        if len(words) == 2:
            return self._of_one_word(words[1])
        if len(words) == 3:
            return [self._of_two_words(words[1], words[2])]
        return [words]

    def _of_one_word(self, text: bytes) -> list[Words]:
        """The whole text as the default account's password, then the text split at the first separator."""
        found = [self._of_default(text)] if self.password_alone else []
        name, colon, password = text.partition(b":")
        if colon and name in self.default:
            return [*found, self._of_default(password)]
        name, separator, password = text.partition(self.separator)
        if separator and name != DEFAULT:
            found.append([b"AUTH", name, password])
        return found or [_nobody()]

    def _of_two_words(self, name: bytes, password: bytes) -> Words:
        if self.before_6 or self.two_words == "arguments":
            return _TOO_FEW
        if self.two_words == "refuse":
            return _nobody()
        is_default = name in self.default and self.separator == b":"
        return self._of_default(password) if is_default else [b"AUTH", name, password]

    def _of_default(self, password: bytes) -> Words:
        return [b"AUTH", DEFAULT, password] if self.takes_any else [b"AUTH", password]

    def candidates_in_hello(self, words: Words) -> list[Words]:
        """The same for the login in a HELLO command; empty if it has none.

        The name `default` there means that none was given.
        """
        at = _login_in(words)
        if not at:
            return []
        name, password = words[at + 1 : at + 3]
        return self._of_one_word(password) if name == DEFAULT else [self._of_two_words(name, password)]


def hello_with_login(words: Words, login: Words) -> Words:
    """A HELLO command with this login instead of its own. A login of one word, which is a refusal, is sent alone."""
    if len(login) < 2:
        return login
    at = _login_in(words)
    name, password = login[1:] if len(login) == 3 else (DEFAULT, login[1])
    return [*words[: at + 1], name, password, *words[at + 3 :]]


def _login_in(words: Words) -> int:
    """The position of AUTH in a HELLO command, with two words after it; 0 if there is none."""
    return next((at for at, word in enumerate(words[:-2]) if at and word.upper() == b"AUTH"), 0)


def _nobody() -> Words:
    return [b"AUTH", secrets.token_hex(8).encode(), secrets.token_hex(8).encode()]


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, forms: LoginForms) -> None:
    """Connect one client to the real server at a loopback port, until one side ends. Raises: OSError."""
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    spoken = _Spoken(reader, inner_writer, port, forms)
    await asyncio.gather(spoken.pass_on(), _answers(inner_reader, writer, spoken))


class _Spoken:
    """What a client sends, one command at a time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, forms: LoginForms
    ) -> None:
        self._reader, self._writer, self._port, self.forms = reader, writer, port, forms
        self.logging_in = 0

    async def pass_on(self) -> None:
        """Read commands until the client ends, then tell the server."""
        try:
            while await self._one():
                await self._writer.drain()
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                self._writer.close()

    async def _one(self) -> bool:
        """Pass one command on; False at the end."""
        raw = bytearray()
        try:
            words = await self._words(raw)
        except asyncio.IncompleteReadError as cut:
            self._writer.write(bytes(raw + cut.partial))
            return False
        except (ValueError, asyncio.LimitOverrunError):
            self._writer.write(bytes(raw))  # not a command: the server answers this and everything after it
            await _copy(self._reader, self._writer)
            return False
        kind = words[0].upper() if words else b""
        if kind == b"AUTH":
            self.logging_in += 1
            self._writer.write(_encoded(await self._meant(self.forms.candidates(words))))
        elif kind == b"HELLO":
            self._writer.write(_encoded(await self._greeting(words)))
        else:
            self._writer.write(bytes(raw))
        return True

    async def _words(self, raw: bytearray) -> Words:
        line = await self._line(raw)
        if not line.startswith(b"*"):
            return line.split()
        count = int(line[1:])
        if count > _MOST_WORDS:
            raise ValueError("too many words")
        words = []
        for _ in range(count):
            head = await self._line(raw)
            if not head.startswith(b"$"):
                raise ValueError("no bulk string")
            size = int(head[1:])
            if size < 0:
                raise ValueError("no length")
            body = await self._reader.readexactly(size + 2)
            raw += body
            words.append(body[:-2])
        return words

    async def _line(self, raw: bytearray) -> bytes:
        line = await self._reader.readuntil(b"\n")
        raw += line
        return line.rstrip(b"\r\n")

    async def _greeting(self, words: Words) -> Words:
        if self.forms.before_6:
            return [b"HELLO-IS-OF-6.0", *words[1:]]
        candidates = self.forms.candidates_in_hello(words)
        return hello_with_login(words, await self._meant(candidates)) if candidates else words

    async def _meant(self, candidates: list[Words]) -> Words:
        """The first meaning that the real server accepts, or the last one, whose refusal becomes the answer."""
        for words in candidates[:-1]:
            if await self._is_taken(words):
                return words
        return candidates[-1]

    async def _is_taken(self, words: Words) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(_encoded(words))
            return (await asyncio.wait_for(reader.readline(), _PROBE_S)).startswith(b"+")
        finally:
            writer.close()


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, spoken: _Spoken) -> None:
    """Pass on the real server's answers. An older server has another answer to a wrong password."""
    try:
        while chunk := await reader.read(_CHUNK):
            if spoken.logging_in and spoken.forms.before_6 and _REFUSED_NEW in chunk:
                chunk = chunk.replace(_REFUSED_NEW, _REFUSED_OLD, spoken.logging_in)
            writer.write(chunk)
            await writer.drain()
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()


def _encoded(words: Words) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
