"""AUTH at the stand-in's servers: the forms that the clouds' proxies take, and all else as the real server has it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.cloud.backends.redis_login import LoginForms, hello_with_login
from tests.cloud.client.logins import auth_reply, redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_tencent

REDIS, TAIR, LAZY = "crs-demo0001", "r-demo0001", "crs-lazy"
OK, WRONG = "+OK", "-WRONGPASS invalid username-password pair or user is disabled."
OLD_WRONG, OLD_TWO = "-ERR invalid password", "-ERR wrong number of arguments for 'auth' command"
ROOT, APP = "Old-Passw0rd", "App-Passw0rd"
OWN = {"default": {"password": "Own-Passw0rd"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """A stand-in with one lazy instance more."""
    text = (Path(__file__).parents[1] / "cloud" / "world.toml").read_text(encoding="utf-8")
    lazy = f'[redis.{LAZY}]\nregion = "ap-guangzhou"\nlazy = true\n[redis.{LAZY}.accounts]\n'
    world = tmp_path_factory.mktemp("world") / "world.toml"
    world.write_text(f'{text}\n{lazy}root = {{ password = "{ROOT}" }}\napp = {{ password = "{APP}" }}\n')
    with Standin(world) as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset(task_s=0.05)
    return server


def tair(standin: Standin, **instance: object) -> None:
    """A world in which the Tair instance is so."""
    standin.reset(tair={TAIR: instance})


@pytest.mark.parametrize("instance", [REDIS, LAZY])
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ((ROOT,), OK),
        ((f"app@{APP}",), OK),
        (("app", APP), OK),
        ((f"{{}}:{ROOT}",), OK),
        ((APP,), WRONG),
        ((f"app@{ROOT}",), WRONG),
        ((f"nobody@{APP}",), WRONG),
        ((f"app:{APP}",), WRONG),
        ((f"{{}}:{APP}",), WRONG),
        ((f"{{}}@{ROOT}",), WRONG),
        (("app", ROOT), WRONG),
        (("root", ROOT), WRONG),
        ((f"default@{ROOT}",), WRONG),
        ((), OLD_TWO),
    ],
)
def test_tencents_forms(standin: Standin, instance: str, words: tuple[str, ...], answer: str) -> None:
    assert auth_reply(standin.redis[instance], *(word.format(instance) for word in words)) == answer


def test_a_whole_text_is_tried_as_roots_password_before_it_is_split(standin: Standin) -> None:
    for account, password in (("root", "app@x:y@z"), ("app", "b@c")):
        standin.change_by_hand("redis", REDIS, account, password)
    assert auth_reply(standin.redis[REDIS], "app@x:y@z") == OK
    assert auth_reply(standin.redis[REDIS], "app@b@c") == OK
    assert auth_reply(standin.redis[REDIS], "app@b") == WRONG


@pytest.mark.parametrize(("two_words", "answer"), [("refuse", WRONG), ("arguments", OLD_TWO)])
def test_two_words_may_be_unknown_to_tencent(standin: Standin, two_words: str, answer: str) -> None:
    standin.reset(two_word_auth=two_words)
    assert auth_reply(standin.redis[REDIS], "app", APP) == answer
    assert auth_reply(standin.redis[REDIS], f"app@{APP}") == OK


@pytest.mark.parametrize(("root_login", "alone", "with_id"), [("password", OK, WRONG), ("id", WRONG, OK)])
def test_root_may_log_in_by_one_of_its_forms_only(standin: Standin, root_login: str, alone: str, with_id: str) -> None:
    standin.reset(root_login=root_login)
    assert auth_reply(standin.redis[REDIS], ROOT) == alone
    assert auth_reply(standin.redis[REDIS], f"{REDIS}:{ROOT}") == with_id
    assert auth_reply(standin.redis[REDIS], f"app@{APP}") == OK


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("app:Tair-Passw0rd",), OK),
        (("app", "Tair-Passw0rd"), OK),
        (("app@Tair-Passw0rd",), WRONG),
        (("app:Wrong-Passw0rd",), WRONG),
        (("Tair-Passw0rd",), WRONG),
        (("default:Tair-Passw0rd",), WRONG),
    ],
)
def test_tairs_forms(standin: Standin, words: tuple[str, ...], answer: str) -> None:
    assert auth_reply(standin.redis[TAIR], *words) == answer


@pytest.mark.parametrize("name", ["default", TAIR])
def test_the_instances_own_account_of_tair_opens_by_its_password_alone_too(standin: Standin, name: str) -> None:
    tair(standin, accounts={name: {"password": "Own-Passw0rd"}})
    address = standin.redis[TAIR]
    forms = [("Own-Passw0rd",), ("default:Own-Passw0rd",), (f"{TAIR}:Own-Passw0rd",), ("default", "Own-Passw0rd")]
    assert [auth_reply(address, *words) for words in forms] == [OK] * 4
    assert auth_reply(address, "app:Tair-Passw0rd") == OK
    assert auth_reply(address, "app:Own-Passw0rd") == WRONG


@pytest.mark.parametrize(("instance", "one_word"), [(TAIR, "app:Tair-Passw0rd"), (REDIS, f"app@{APP}")])
def test_a_server_before_6_knows_no_second_word(standin: Standin, instance: str, one_word: str) -> None:
    kind = "tair" if instance == TAIR else "redis"
    standin.reset(**{kind: {instance: {"engine_version": "5.0"}}})
    address = standin.redis[instance]
    account, password = one_word.replace("@", ":").split(":")
    assert auth_reply(address, one_word) == OK
    assert auth_reply(address, account, password) == OLD_TWO
    assert auth_reply(address, f"{one_word}x") == OLD_WRONG
    assert auth_reply(address, "x") == OLD_WRONG


def test_a_server_may_take_any_password_for_an_account(standin: Standin) -> None:
    nopass = {"nopass": True}
    standin.reset(
        redis={REDIS: {"accounts": {"app": nopass, "root": nopass}}},
        tair={TAIR: {"accounts": {"app": nopass, "default": OWN["default"] | nopass}}},
    )
    forms = [("app@any",), ("app", "any"), ("any",), (f"{REDIS}:any",)]
    assert [auth_reply(standin.redis[REDIS], *words) for words in forms] == [OK] * 4
    forms = [("app:any",), ("app", "any"), ("any",), ("default:any",)]
    assert [auth_reply(standin.redis[TAIR], *words) for words in forms] == [OK] * 4
    standin.change_by_hand("redis", REDIS, "app", "New-Passw0rd")
    assert auth_reply(standin.redis[REDIS], "app@any") == OK


@pytest.mark.parametrize(("free", "answer"), [("refuse", "-ERR"), ("accept", "+OK")])
def test_a_password_free_instance_refuses_every_password_or_takes_any(standin: Standin, free: str, answer: str) -> None:
    standin.reset(task_s=0.01, password_free=free)
    call_tencent(standin, "ModifyInstanceAccount", {"InstanceId": REDIS, "AccountName": "root", "NoAuth": True})
    standin.advance(1)
    for words in ((ROOT,), ("any",), (f"{REDIS}:any",)):
        assert auth_reply(standin.redis[REDIS], *words).startswith(answer)
    standin.reset()
    assert auth_reply(standin.redis[REDIS], ROOT) == OK


@pytest.mark.parametrize("instance", [REDIS, LAZY])
def test_every_other_byte_is_the_real_servers(standin: Standin, instance: str) -> None:
    host, _, port = standin.redis[instance].rpartition(":")
    with redis.Redis(host=host, port=int(port), password=f"app@{APP}") as client:
        value = bytes(range(256)) * 4096
        assert client.set("key", value)
        assert client.get("key") == value
        with client.pipeline(transaction=True) as pipe:
            pipe.rpush("list", *range(1000))
            pipe.lrange("list", 0, -1)
            assert len(pipe.execute()[1]) == 1000
        with pytest.raises(redis.ResponseError):
            client.execute_command("CONFIG", "GET", "*")


def test_logins_in_the_middle_of_a_pipeline_and_inline_are_read_too(standin: Standin) -> None:
    host, _, port = standin.redis[REDIS].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection, connection.makefile("rb") as answers:
        two = f"*2\r\n$4\r\nauth\r\n${len(APP) + 4}\r\napp@{APP}\r\n".encode()
        whole = b"PING\r\n" + b"*1\r\n$4\r\nPING\r\n" + two[:20]
        connection.sendall(whole)
        connection.sendall(two[20:] + f"AUTH app@no\r\nPING\r\nAUTH {ROOT}\r\n*1\r\n$4\r\nPING\r\n".encode())
        seen = [answers.readline().decode().split()[0] for _ in range(7)]
    assert seen == ["-NOAUTH", "-NOAUTH", "+OK", "-WRONGPASS", "+PONG", "+OK", "+PONG"]


def test_resp3_greets_with_the_same_forms(standin: Standin) -> None:
    host, _, port = standin.redis[REDIS].rpartition(":")
    with redis.Redis(host=host, port=int(port), username="app", password=APP, protocol=3) as client:
        assert client.ping()
    standin.reset(two_word_auth="refuse")
    with (
        redis.Redis(host=host, port=int(port), username="app", password=APP, protocol=3) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_what_is_no_command_is_the_real_servers_to_judge(standin: Standin) -> None:
    host, _, port = standin.redis[REDIS].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"*x\r\n")
        assert b"Protocol error" in connection.recv(200)


def test_hello_carries_the_account_as_the_proxy_reads_it() -> None:
    forms = LoginForms(b":", default=frozenset((b"default", b"r-1")))
    words = [b"HELLO", b"3", b"AUTH", b"r-1", b"pw", b"SETNAME", b"me"]
    (login,) = forms.candidates_in_hello(words)
    assert hello_with_login(words, login) == [b"HELLO", b"3", b"AUTH", b"default", b"pw", b"SETNAME", b"me"]
    assert forms.candidates_in_hello([b"HELLO", b"3"]) == []
    assert forms.candidates_in_hello([b"HELLO", b"AUTH", b"x"]) == []


def test_a_server_before_6_knows_no_hello(standin: Standin) -> None:
    tair(standin, engine_version="5.0")
    host, _, port = standin.redis[TAIR].rpartition(":")
    with redis.Redis(host=host, port=int(port), password="app:Tair-Passw0rd", protocol=2) as client:
        assert client.ping()
        with pytest.raises(redis.ResponseError, match="unknown command"):
            client.execute_command("HELLO", "3")


def test_the_proof_of_a_password_holds_in_every_world(standin: Standin) -> None:
    for world in ({}, {"two_word_auth": "refuse"}, {"redis": {REDIS: {"engine_version": "5.0"}}}):
        standin.reset(**world)
        address = standin.redis[REDIS]
        assert redis_accepts(address, ROOT)
        assert redis_accepts(address, APP, "app")
        assert not redis_accepts(address, ROOT, "app")
        assert not redis_accepts(address, APP)
