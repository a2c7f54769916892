"""`Taskflow("text_generation", model=..., task_path=folder)`: continues texts with a causal model."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paddle_xformers._compat import import_paddle, import_paddlenlp
from paddle_xformers.errors import CheckpointError, InputError, XFormersError
from paddle_xformers.serving.prompts import as_texts, check_room, left_padded
from paddle_xformers.serving.settings import GENERATION, check_values, put_over

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.taskflow.task import Task  # noqa: E402
from paddlenlp.transformers import AutoTokenizer  # noqa: E402

BATCH_SIZE = 8
# Keywords of Taskflow and of the table of tasks, which reach a task together with the user's.
_NOT_SETTINGS = {"task_path", "task_class", "task_flag", "device_id", "priority_path"}
_USAGE = """
    from paddlenlp import Taskflow

    complete = Taskflow("text_generation", model="xdecoder", task_path="my_model", max_new_tokens=64)
    complete("import ")
    # [{"text": "import ", "answer": "os\\n"}]
    complete(["import ", "def "], decode_strategy="sampling", top_p=0.9, temperature=0.8)
    # [{"text": "import ", "answer": ...}, {"text": "def ", "answer": ...}]
"""

# One lock for the whole process: Paddle's device, its mode (dynamic or static) and its random numbers belong
# to the process, not to a thread or a model.
_paddle_in_use = threading.RLock()


class TextGenerationTask(Task):
    """Continues texts with a model and a tokenizer from one local folder; made by Taskflow.

    Nothing is downloaded, no statistics are sent, and the folder is only read. Several threads may call it;
    their calls wait for each other. Answers are those of `model.generate` and `tokenizer.decode`.

    Args:
        task: Name of the task.
        model: Name of the model within the task.
        model_class: The class that loads the folder.
        **kwargs: `task_path`, the folder of `model.save_pretrained` and `tokenizer.save_pretrained` (`~` is
            expanded); Taskflow's `device_id` (-1 is the CPU); and defaults for the keywords of a call.

    Raises:
        InputError: `task_path` is missing, or a keyword is unknown, not allowed or without effect.
        CheckpointError: The folder is missing, incomplete or damaged, or holds another kind of model.
    """

    def __init__(self, task: str, model: str, model_class: Any, **kwargs: Any) -> None:
        if kwargs.pop("from_hf_hub", False):
            raise InputError("from_hf_hub=True: this task reads local folders only; give task_path=folder.")
        given = {name: value for name, value in kwargs.items() if name not in _NOT_SETTINGS}
        check_values(given)
        kwargs["task_path"] = _folder(kwargs.get("task_path"), task, model)
        # PaddleNLP tells a statistics server of every task but those from a hub: all that the argument does.
        super().__init__(task=task, model=model, from_hf_hub=True, **kwargs)
        self._usage = _USAGE
        self._model_class = model_class
        self._device = paddle.get_device()  # Taskflow has chosen it
        with _paddle_for_us(self._device):
            self._construct_model(model)
            self._construct_tokenizer(model)
        self._defaults = put_over(_defaults(self._model.generation_config), given)

    def __call__(self, inputs: tuple[Any, ...], **settings: Any) -> list[dict[str, str]]:
        """Continue one text or several.

        Args:
            inputs: What the Taskflow was called with: one text, or one list of texts.
            **settings: What `generate` takes (max_new_tokens, decode_strategy, temperature, top_k, top_p,
                num_beams, num_return_sequences, ...) and `batch_size`, the number of texts computed together.
                For those not given holds what Taskflow was made with, then the folder's
                generation_config.json.

        Returns:
            One `{"text": text, "answer": continuation}` a text, in their order; with num_return_sequences=n,
            n of them a text. An answer holds neither the text nor special tokens.

        Raises:
            InputError: A text is empty, no string, or together with max_new_tokens too long for the model; or
                a keyword is unknown, not allowed or without effect.
        """
        settings = put_over(self._defaults, settings)
        with _paddle_for_us(self._device):
            prepared = self._preprocess(inputs)
            check_room(prepared["rows"], settings["max_new_tokens"], self._model.config.max_seq_len)
            results: list[dict[str, str]] = self._postprocess(self._run_model(prepared, **settings))
            return results

    def _construct_model(self, model: str) -> None:
        _check_model_type(self._task_path, self._model_class)
        # CPUs have no matrix product in half precision.
        precision = {"dtype": "float32"} if self._device == "cpu" else {}
        self._model = self._model_class.from_pretrained(self._task_path, **precision)
        self._model.eval()

    def _construct_tokenizer(self, model: str) -> None:
        advice = "save it there with tokenizer.save_pretrained"
        if not (Path(self._task_path) / "tokenizer_config.json").is_file():
            raise CheckpointError(f"{self._task_path} has no tokenizer_config.json, so no tokenizer; {advice}.")
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(self._task_path)
        except XFormersError:
            raise
        except Exception as error:  # every tokenizer has its own way to fail on damaged files
            raise CheckpointError(
                f"the tokenizer in {self._task_path} cannot be loaded ({type(error).__name__}: {error}); "
                f"{advice} again."
            ) from error

    def _construct_input_spec(self) -> None:
        """Do nothing: this task computes in dynamic mode."""

    def _preprocess(
        self, inputs: tuple[Any, ...], padding: bool = False, add_special_tokens: bool = True
    ) -> dict[str, Any]:
        """Check the texts and turn them into ids; batches are padded when they are made."""
        texts = as_texts(inputs)
        rows = [self._tokenizer(text, add_special_tokens=add_special_tokens)["input_ids"] for text in texts]
        return {"texts": texts, "rows": rows}

    def _run_model(self, inputs: dict[str, Any], **settings: Any) -> dict[str, Any]:
        options = {name: value for name, value in settings.items() if name in GENERATION}
        if self._tokenizer.pad_token_id is not None:
            options.setdefault("pad_token_id", self._tokenizer.pad_token_id)
        size, rows = settings["batch_size"], inputs["rows"]
        answers: list[list[int]] = []
        for start in range(0, len(rows), size):
            ids, mask = left_padded(rows[start : start + size], options.get("pad_token_id") or 0)
            generated, _ = self._model.generate(
                paddle.to_tensor(ids),
                attention_mask=paddle.to_tensor(mask),
                max_length=0,  # the older name of max_new_tokens; one in the folder would replace a given 20
                **options,
            )
            answers += generated.tolist()
        return {"texts": inputs["texts"], "answers": answers}

    def _postprocess(self, inputs: dict[str, Any]) -> list[dict[str, str]]:
        texts, answers = inputs["texts"], inputs["answers"]
        each = len(answers) // len(texts)
        decoded = [self._tokenizer.decode(answer, skip_special_tokens=True) for answer in answers]
        return [{"text": texts[number // each], "answer": answer} for number, answer in enumerate(decoded)]


@contextmanager
def _paddle_for_us(device: str) -> Iterator[None]:
    """Have Paddle alone, on `device` and in dynamic mode; leave it as it was."""
    with _paddle_in_use:
        before, was_static = paddle.get_device(), not paddle.in_dynamic_mode()
        try:
            if was_static:
                paddle.disable_static()
            paddle.set_device(device)
            yield
        finally:
            paddle.set_device(before)
            if was_static:
                paddle.enable_static()


def _folder(path: Any, task: str, model: str) -> str:
    """Return the absolute path of the folder that the user named."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise InputError(
            f"task_path={path!r} is no folder: give the one save_pretrained wrote, as in "
            f"Taskflow({task!r}, model={model!r}, task_path='my_model')."
        )
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def _defaults(config: Any) -> dict[str, Any]:
    """Return what holds when nothing is given: what the folder's generation configuration says."""
    defaults = {name: getattr(config, name) for name in GENERATION if getattr(config, name, None) is not None}
    usual = type(config)().max_new_tokens
    if config.max_new_tokens == usual and config.max_length:  # generate() takes the older name then, too
        defaults["max_new_tokens"] = config.max_length
    return {**defaults, "batch_size": BATCH_SIZE}


def _check_model_type(folder: str, model_class: Any) -> None:
    """Refuse a folder of another kind of model; what else may be wrong with it, `from_pretrained` says."""
    try:
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    expected = model_class.config_class.model_type
    found = config.get("model_type") if isinstance(config, dict) else expected
    if found != expected:
        raise CheckpointError(
            f"{folder} holds a model of type {found!r}, but this task is for {expected!r}: "
            f"give a folder that {model_class.__name__}.save_pretrained wrote."
        )
