"""The handler that lets PaddleNLP's SimpleServer pass on keywords and say what is wrong with a request."""

from __future__ import annotations

from typing import Any

from paddle_xformers._compat import import_paddlenlp
from paddle_xformers.errors import InputError

import_paddlenlp()
from fastapi import HTTPException  # noqa: E402
from paddlenlp.server.handlers.base_handler import BaseTaskflowHandler  # noqa: E402


class GenerationHandler(BaseTaskflowHandler):
    """Answers `{"data": {"text": ...}, "parameters": {"max_new_tokens": 20, ...}}`.

    PaddleNLP's own handler works too, but ignores the parameters, and answers a bad request with status 500.

    Example:
        ```python
        app = SimpleServer()
        app.register_taskflow("taskflow/complete", [complete], taskflow_handler=GenerationHandler)
        ```
    """

    @classmethod
    def process(cls, predictor: Any, data: Any, parameters: dict[str, Any] | None) -> Any:
        """Answer one request.

        Args:
            predictor: The Taskflow.
            data: The "data" of the request, `{"text": a text or a list of texts}`.
            parameters: The "parameters" of the request: keywords of a call.

        Returns:
            What the Taskflow returns.

        Raises:
            HTTPException: With status 400 and a sentence, if the request cannot be answered.
        """
        if not isinstance(data, dict) or "text" not in data:
            raise HTTPException(400, 'the request has no text: send {"data": {"text": "..."}}.')
        try:
            return predictor(data["text"], **(parameters or {}))
        except InputError as error:
            raise HTTPException(400, str(error)) from error
