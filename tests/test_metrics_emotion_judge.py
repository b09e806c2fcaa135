"""The judge asks the address it was given, tries again a bounded number of times, and goes nowhere else."""

import socket
import time

import pytest
from judge_server import judge_server

from input_pipeline.errors import UserError
from tramp_jax.metrics.emotion import judge
from tramp_jax.metrics.emotion.judge import Judge


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(judge, "_PAUSE_S", 0.01)


def test_a_question_is_a_chat_completion_at_temperature_0():
    with judge_server((200, "score: 7")) as server:
        asked = Judge(server.address, "tiny")
        assert asked("How?") == "score: 7"
    assert server.paths == ["/v1/chat/completions"]
    body = server.bodies[0]
    assert (body["model"], body["temperature"], body["messages"]) == ("tiny", 0, [{"role": "user", "content": "How?"}])
    assert (asked.asked, asked.repeated) == (1, 0)


def test_a_busy_server_is_asked_again_and_counted():
    with judge_server((503, "busy"), (429, "slower"), (200, "8")) as server:
        asked = Judge(server.address, "tiny")
        assert asked("How?") == "8"
    assert asked.repeated == 2


def test_attempts_are_bounded():
    with judge_server((500, "broken")) as server, pytest.raises(UserError, match=r"in 3 attempts \(status 500: broken\)"):
        Judge(server.address, "tiny")("How?")
    assert len(server.bodies) == judge.ATTEMPTS


def test_a_refusal_is_final_and_told():
    with judge_server((404, "no such\nmodel")) as server, pytest.raises(UserError, match="404: no such model") as error:
        Judge(server.address, "tiny")("How?")
    assert len(server.bodies) == 1
    assert "\n" not in str(error.value)


def test_a_redirect_is_not_followed():
    with judge_server((200, "9")) as elsewhere, judge_server((302, f"{elsewhere.address}/chat/completions")) as server:
        with pytest.raises(UserError, match="status 302"):
            Judge(server.address, "tiny")("How?")
        assert not elsewhere.bodies


def test_what_is_no_chat_completion_is_told():
    with judge_server((200, "<html>hello</html>")) as server, pytest.raises(UserError, match=r"no chat completion .*hello"):
        Judge(server.address, "tiny")("How?")


def test_a_server_that_never_answers_is_left_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(UserError, match="did not answer in 3 attempts"):
            Judge(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", "tiny", timeout_s=0.2)("How?")
        assert time.monotonic() - started < 5


def test_nobody_there_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UserError, match="is the server running there"):
        Judge(f"http://127.0.0.1:{port}/v1", "tiny")("How?")


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8000", "file:///etc/passwd", "http://", "http://host:port/v1", "http://[::1/v1"]
)
def test_an_address_is_http(address):
    with pytest.raises(UserError, match="expected an address"):
        Judge(address, "tiny")


def test_a_model_is_named():
    with pytest.raises(UserError, match="--judge_model"):
        Judge("http://127.0.0.1:1/v1", "")
