"""Tasks behind PaddleNLP's SimpleServer, with its own handler and with ours."""

from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from paddle_xformers.serving import GenerationHandler, TaskHandler

from ..models.images.pictures import bomb, encoded
from .served import BY_NAME, CASES, OF_IMAGES, Served, close, name_of, pictures


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


def listed(answer: Any) -> Any:
    """An answer as JSON has it."""
    if isinstance(answer, dict):
        return {name: listed(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [listed(one) for one in answer]
    return answer.tolist() if isinstance(answer, np.ndarray) else answer


def in_base64(image: np.ndarray) -> str:
    return base64.b64encode(encoded(image)).decode()


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_task_is_served(case: Served, made: Any):
    app, inputs = client(made(case), taskflow_handler=TaskHandler), case.inputs()
    key, sent = ("image", [in_base64(one) for one in inputs]) if case.images else ("text", inputs)
    reply = post(app, {key: sent}, {"batch_size": 2})
    assert reply.status_code == 200
    assert close(reply.json(), {"result": listed(made(case)(inputs, batch_size=2))})
    assert close(post(app, {key: sent[0]}).json(), {"result": listed(made(case)(inputs[0]))})
    reply = post(app, {key: sent}, {"batch_sise": 2})
    assert reply.status_code == 400 and "did you mean 'batch_size'" in reply.json()["detail"]
    reply = post(app, {"picture" if case.images else "image": sent})
    assert reply.status_code == 400 and f"the request has no {key}" in reply.json()["detail"]


@pytest.mark.parametrize("case", OF_IMAGES, ids=name_of)
@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("/etc/passwd", "image 0 is not base64"),
        ("nowhere.png", "image 0 is not base64"),
        (["", 3], "image 1 is not base64"),
        ([], "list of images is empty"),
        (base64.b64encode(b"/etc/hostname").decode(), "image 0: .*no image"),
        (base64.b64encode(bomb(60_000, 60_000)).decode(), "image 0: .*max_pixels"),
        ([in_base64(pictures()[0]), "YQ=="], "image 1: .*no image"),
    ],
)
def test_a_request_cannot_name_a_file_of_the_server(case: Served, made: Any, sent: Any, words: str):
    reply = post(client(made(case), taskflow_handler=TaskHandler), {"image": sent})
    assert reply.status_code == 400
    assert re.search(words, reply.json()["detail"])


def test_the_handler_has_its_former_name_too():
    assert GenerationHandler is TaskHandler


def test_vectors_at_the_same_time(made: Any):
    case = BY_NAME["feature_extraction-xencoder"]
    app, texts = client(made(case), taskflow_handler=TaskHandler), [f"x{number}" for number in range(8)]
    expected = [{"result": listed(made(case)(text))} for text in texts]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda text: post(app, {"text": text}).json(), texts))
    assert all(map(close, found, expected))
