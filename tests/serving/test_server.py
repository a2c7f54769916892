"""The task behind PaddleNLP's SimpleServer, with its own handler and with ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paddle_xformers.serving import GenerationHandler


def client(complete: Any, **kwargs: Any) -> Any:
    from fastapi.testclient import TestClient
    from paddlenlp import SimpleServer

    app = SimpleServer()
    app.register_taskflow("taskflow/complete", [complete], **kwargs)
    return TestClient(app)


@pytest.fixture(scope="module")
def plain(complete: Any) -> Any:
    return client(complete)


@pytest.fixture(scope="module")
def ours(complete: Any) -> Any:
    return client(complete, taskflow_handler=GenerationHandler)


def post(app: Any, data: Any, parameters: Any = None) -> Any:
    return app.post("/taskflow/complete", json={"data": data, "parameters": parameters or {}})


def test_paddlenlps_own_handler_serves_it(plain: Any, complete: Any) -> None:
    reply = post(plain, {"text": ["def ", "x"]})
    assert reply.status_code == 200
    assert reply.json() == {"result": complete(["def ", "x"])}


def test_our_handler_passes_the_parameters_on(ours: Any, complete: Any) -> None:
    reply = post(ours, {"text": "def "}, {"max_new_tokens": 3})
    assert reply.status_code == 200
    assert reply.json() == {"result": complete("def ", max_new_tokens=3)}
    assert reply.json() != {"result": complete("def ")}


@pytest.mark.parametrize(
    ("data", "parameters", "words"),
    [
        ({"text": ""}, {}, "text 0 is empty"),
        ({"text": "a"}, {"num_beam": 2}, "did you mean 'num_beams'"),
        ({}, {}, "no text"),
        ("a", {}, "no text"),
    ],
)
def test_our_handler_says_what_is_wrong(ours: Any, data: Any, parameters: Any, words: str) -> None:
    reply = post(ours, data, parameters)
    assert reply.status_code == 400
    assert words in reply.json()["detail"]


def test_requests_at_the_same_time(ours: Any, complete: Any) -> None:
    texts = [f"x{number} = " for number in range(8)]
    expected = [{"result": complete(text)} for text in texts]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda text: post(ours, {"text": text}).json(), texts))
    assert found == expected
