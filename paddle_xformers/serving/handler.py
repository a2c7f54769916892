"""The handler that lets PaddleNLP's SimpleServer pass on keywords and say what is wrong with a request."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np

from paddle_xformers._compat import import_paddlenlp
from paddle_xformers.errors import InputError

import_paddlenlp()
from fastapi import HTTPException  # noqa: E402
from paddlenlp.server.handlers.base_handler import BaseTaskflowHandler  # noqa: E402


class TaskHandler(BaseTaskflowHandler):
    """Answers `{"data": {"text": ...}, "parameters": {"batch_size": 4, ...}}`.

    For a task about images it is `{"data": {"image": ...}}`: the bytes of a file in base64, or a list of such. Paths
    are not taken: a request must not choose a file of the server.

    PaddleNLP's own handler serves texts too, but ignores the parameters, answers a bad request with status 500, and
    cannot send arrays.

    Example:
        ```python
        app = SimpleServer()
        app.register_taskflow("taskflow/complete", [complete], taskflow_handler=TaskHandler)
        ```
    """

    @classmethod
    def process(cls, predictor: Any, data: Any, parameters: dict[str, Any] | None) -> Any:
        """Answer one request.

        Args:
            predictor: The Taskflow.
            data: The "data" of the request, `{"text": a text or a list of texts}` or `{"image": one or a list}`.
            parameters: The "parameters" of the request: keywords of a call.

        Returns:
            What the Taskflow returns, with lists for arrays.

        Raises:
            HTTPException: With status 400 and a sentence, if the request cannot be answered.
        """
        key = getattr(getattr(predictor, "task_instance", None), "request_key", "text")
        if not isinstance(data, dict) or key not in data:
            raise HTTPException(400, f'the request has no {key}: send {{"data": {{"{key}": "..."}}}}.')
        try:
            given = _images(data[key]) if key == "image" else data[key]
            return _plain(predictor(given, **(parameters or {})))
        except InputError as error:
            raise HTTPException(400, str(error)) from error


GenerationHandler = TaskHandler  # its name when texts to continue were all that was served


def _images(sent: Any) -> list[bytes]:
    """The files that a request holds."""
    images = []
    for number, image in enumerate(sent if isinstance(sent, list) else [sent]):
        try:
            images.append(base64.b64decode(image, validate=True))
        except (TypeError, ValueError, binascii.Error) as error:
            raise InputError(f"image {number} is not base64: send the bytes of an image file, so encoded.") from error
    return images


def _plain(answer: Any) -> Any:
    """The same answer, made of what JSON has."""
    if isinstance(answer, np.ndarray):
        return answer.tolist()
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items()}
    return [_plain(one) for one in answer] if isinstance(answer, list) else answer
