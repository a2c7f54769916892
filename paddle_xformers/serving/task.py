"""What all tasks share: a local folder, checked keywords, batches, and Paddle for one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from paddle_xformers._compat import import_paddle, import_paddlenlp
from paddle_xformers.errors import InputError
from paddle_xformers.serving.folders import folder_of, load_model
from paddle_xformers.serving.settings import Settings, at_least, check_values

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.taskflow.task import Task  # noqa: E402

BATCH_SIZE = 8
# Keywords of Taskflow and of the table of tasks, which reach a task together with the user's.
_NOT_SETTINGS = {"task_path", "task_class", "task_flag", "device_id", "priority_path"}

# One lock for the whole process: Paddle's device, its mode (dynamic or static) and its random numbers belong
# to the process, not to a thread or a model.
_paddle_in_use = threading.RLock()


class LocalTask(Task):
    """A model from one local folder, made by Taskflow.

    Nothing is downloaded, no statistics are sent, and the folder is only read. Several threads may call it;
    their calls wait for each other.

    A subclass says what its keywords are (`settings`, `defaults`), how what it is called with becomes a list of
    items (`_preprocess`), what the model makes of a batch of them (`_compute`), and what the user gets
    (`_postprocess`).

    Args:
        task: Name of the task.
        model: Name of the model within the task.
        model_class: The class that loads the folder.
        **kwargs: `task_path`, the folder of save_pretrained (`~` is expanded); Taskflow's `device_id` (-1 is the CPU);
            and defaults for the keywords of a call.

    Raises:
        InputError: `task_path` is missing, or a keyword is unknown, not allowed or without effect.
        CheckpointError: The folder is missing, incomplete or damaged, or holds another kind of model.
    """

    # Under which key a request to a server holds what the task is called with.
    request_key: ClassVar[str] = "text"
    # Keyword -> what it may be, and what it is when nobody gives it.
    settings: ClassVar[Settings] = {"batch_size": at_least(1)}
    defaults: ClassVar[Mapping[str, Any]] = {"batch_size": BATCH_SIZE}
    # Beginnings of the names of weights that the task can do without.
    optional_weights: ClassVar[tuple[str, ...]] = ()
    # What help() prints.
    usage: ClassVar[str] = ""

    def __init__(self, task: str, model: str, model_class: Any, **kwargs: Any) -> None:
        if kwargs.pop("from_hf_hub", False):
            raise InputError("from_hf_hub=True: this task reads local folders only; give task_path=folder.")
        given = {name: value for name, value in kwargs.items() if name not in _NOT_SETTINGS}
        check_values(given, self.settings, task)
        kwargs["task_path"] = folder_of(kwargs.get("task_path"), task, model)
        # PaddleNLP tells a statistics server of every task but those from a hub: all that the argument does.
        super().__init__(task=task, model=model, from_hf_hub=True, **kwargs)
        self._usage = self.usage
        self._model_class = model_class
        self._device = paddle.get_device()  # Taskflow has chosen it
        with _paddle_for_us(self._device):
            self._construct_model(model)
            self._construct_tokenizer(model)
        self._defaults = self._initial_defaults()
        self._merged(given)  # refuses what has no effect
        self._defaults |= given

    def __call__(self, inputs: tuple[Any, ...], **settings: Any) -> list[Any]:
        """Answer.

        Args:
            inputs: What the Taskflow was called with: one positional argument.
            **settings: Keywords; for those not given holds what Taskflow was made with.

        Returns:
            One answer for each text or image, in their order.

        Raises:
            InputError: What it was called with cannot be answered, or a keyword is unknown, not allowed or without
                effect.
        """
        settings = self._merged(settings)
        with _paddle_for_us(self._device), paddle.no_grad():
            items = self._preprocess(inputs, settings)
            return self._postprocess(items, self._run_model(items, settings), settings)

    def _initial_defaults(self) -> dict[str, Any]:
        """Return what keywords are when nobody gives them; the model is loaded already."""
        return dict(self.defaults)

    def _merged(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Put keywords over the defaults; refuse those that are wrong or have no effect."""
        check_values(given, self.settings, self.task)
        return {**self._defaults, **given}

    def _construct_model(self, model: str) -> None:
        # CPUs have no matrix product in half precision.
        precision = {"dtype": "float32"} if self._device == "cpu" else {}
        self._model = load_model(self._task_path, self._model_class, self.optional_weights, **precision)

    def _construct_tokenizer(self, model: str) -> None:
        """Load what turns inputs into tensors."""
        raise NotImplementedError

    def _construct_input_spec(self) -> None:
        """Do nothing: tasks compute in dynamic mode."""

    def _preprocess(self, inputs: tuple[Any, ...], settings: Mapping[str, Any]) -> list[Any]:
        """Check what the task was called with, and return the items."""
        raise NotImplementedError

    def _run_model(self, inputs: list[Any], settings: Mapping[str, Any]) -> list[Any]:
        """Compute batch by batch, and return what `_compute` gave, joined."""
        size = settings["batch_size"]
        outcomes: list[Any] = []
        for start in range(0, len(inputs), size):
            outcomes += self._compute(inputs[start : start + size], settings)
        return outcomes

    def _compute(self, batch: list[Any], settings: Mapping[str, Any]) -> list[Any]:
        """Run the model on a batch of items, and return what belongs to each."""
        raise NotImplementedError

    def _postprocess(self, items: list[Any], outcomes: list[Any], settings: Mapping[str, Any]) -> list[Any]:
        """Turn what the model gave into answers."""
        raise NotImplementedError


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
