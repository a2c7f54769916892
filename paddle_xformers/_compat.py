"""The one place that knows third-party versions: quiet imports, stand-ins, work-arounds with their reasons.

Everything that needs PaddleNLP calls `import_paddlenlp()` before it imports any of its submodules;
everything that needs only Paddle calls `import_paddle()`. Both may be called as often as one likes, from
any thread.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from types import ModuleType
from typing import Any, NoReturn

from paddle_xformers.errors import DependencyError

SUPPORTED_PADDLE = ((3, 0), (3, 4))  # from the first, below the second
SUPPORTED_PADDLENLP = "3.0.0b4"

_INSTALL_CPU = "pip install 'paddle-xformers[cpu]'"
_REINSTALL = "pip install --force-reinstall 'paddle-xformers[cpu]' brings the tested versions"

# Warnings that a plain import prints although nothing is wrong: paddle looks for a compiler cache that only
# builders of C++ operators want, and setuptools says that it replaced distutils when paddle imports both.
_IMPORT_NOISE = ("No ccache found", "Setuptools is replacing distutils")

_lock = threading.RLock()
_loaded: dict[str, ModuleType] = {}


def import_paddle() -> ModuleType:
    """Import Paddle without its known noise.

    Returns:
        The module `paddle`.

    Raises:
        DependencyError: Paddle is not installed, or its import fails.
    """
    with _lock:
        if "paddle" not in _loaded:
            _loaded["paddle"] = _import_once("paddle", _check_paddle)
        return _loaded["paddle"]


def import_paddlenlp() -> ModuleType:
    """Import PaddleNLP without its known noise, without any request to the network, and mend its known bugs.

    Returns:
        The module `paddlenlp`.

    Raises:
        DependencyError: Paddle or PaddleNLP is not installed, or the import fails.
    """
    with _lock:
        if "paddlenlp" not in _loaded:
            import_paddle()
            stand_in_for_aistudio_download()
            module = _import_once("paddlenlp", _check_paddlenlp)
            for mend in (make_logits_processor_list_iterable, keep_auto_model_task_local):
                mend()
            _loaded["paddlenlp"] = module
        return _loaded["paddlenlp"]


def stand_in_for_aistudio_download() -> None:
    """Give `aistudio_sdk.hub` a `download` when it has none.

    Reason: PaddleNLP 3.0.0b4 imports that name at start, and aistudio-sdk 0.3 removed it, so that the whole
        of
    PaddleNLP fails to import. Only `from_pretrained(..., from_aistudio=True)` ever calls it.
    """
    if importlib.util.find_spec("aistudio_sdk") is None:
        return  # PaddleNLP's own import then says what is missing
    hub = importlib.import_module("aistudio_sdk.hub")
    if not hasattr(hub, "download"):
        hub.download = _refuse_aistudio_download  # type: ignore[attr-defined]


def make_logits_processor_list_iterable() -> None:
    """Give `LogitsProcessorList` the two methods that PaddleNLP itself calls on it.

    Reason: `generate(logits_processors=LogitsProcessorList([...]))` iterates over the list and extends
        another with
    it, but PaddleNLP 3.0.0b4 defines neither, so that every such call is a TypeError.
    """
    module = importlib.import_module("paddlenlp.generation.logits_process")
    processor_list: Any = module.LogitsProcessorList

    def iterate(self: Any) -> Iterator[Any]:
        return iter(self._processors.values())

    def extend(self: Any, processors: Iterable[Any]) -> None:
        for processor in processors:
            self.append(processor)

    for name, method in (("__iter__", iterate), ("extend", extend)):
        if not hasattr(processor_list, name):
            setattr(processor_list, name, method)


def keep_auto_model_task_local() -> None:
    """Make `AutoModel.from_pretrained(..., task=...)` forget its task afterwards.

    Reason: PaddleNLP 3.0.0b4 stores the head that `task` asks for on the class, so that every later
    `AutoModel.from_pretrained` without a task loads that head too. A throwaway subclass takes the mark
    instead.
    """
    base: Any = importlib.import_module("paddlenlp.transformers.auto.modeling")._BaseAutoModelClass
    original = base._from_pretrained.__func__
    if getattr(original, "keeps_task_local", False):
        return

    def from_pretrained(cls: Any, path: Any, task: str | None = None, *args: Any, **kwargs: Any) -> Any:
        scope = type(cls.__name__, (cls,), {}) if task else cls
        return original(scope, path, task, *args, **kwargs)

    from_pretrained.keeps_task_local = True  # type: ignore[attr-defined]
    base._from_pretrained = classmethod(from_pretrained)


def let_model_choose_a_mode() -> None:
    """Make `Taskflow("text_classification", model=name)` mean the mode of that name.

    Reason: PaddleNLP 3.0.0b4 calls the models of three tasks modes, and silently ignores `model` there, so that its own
    default would answer in place of the model that was asked for.
    """
    module: Any = importlib.import_module("paddlenlp.taskflow.taskflow")
    original = module.Taskflow.__init__
    if getattr(original, "lets_model_choose_a_mode", False):
        return

    @functools.wraps(original)
    def init(self: Any, task: Any, model: Any = None, mode: Any = None, *args: Any, **kwargs: Any) -> None:
        if mode is None and isinstance(model, str) and model in module.TASKS.get(task, {}).get("modes", ()):
            mode = model
        original(self, task, model, mode, *args, **kwargs)

    init.lets_model_choose_a_mode = True  # type: ignore[attr-defined]
    module.Taskflow.__init__ = init


def _refuse_aistudio_download(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Stand in for the removed download function: fetch nothing, say what to do."""
    raise DependencyError(
        f"aistudio-sdk {_version_of('aistudio-sdk')} has no hub.download, which from_aistudio=True needs: "
        "install 'aistudio-sdk<0.3', or fetch the files yourself and pass their directory."
    )


def _import_once(name: str, check: Callable[[ModuleType], str | None]) -> ModuleType:
    """Import `name` quietly; warn when `check` finds its version outside the tested range."""
    if importlib.util.find_spec(name) is None:
        raise DependencyError(f"{name} is not installed: {_INSTALL_CPU}.")
    with warnings.catch_warnings():
        for noise in _IMPORT_NOISE:
            warnings.filterwarnings("ignore", message=noise, category=UserWarning)
        try:
            module = importlib.import_module(name)
        except Exception as error:  # a broken set of versions fails with any kind of error
            raise DependencyError(
                f"{name} {_version_of(name)} is installed but its import fails with "
                f"{type(error).__name__}: {error}. {_REINSTALL}."
            ) from error
    complaint = check(module)
    if complaint:
        warnings.warn(complaint, RuntimeWarning, stacklevel=3)
    return module


def _check_paddle(module: ModuleType) -> str | None:
    """Say what is wrong with the version of Paddle, or nothing."""
    version = str(getattr(module, "__version__", "unknown"))
    first, beyond = SUPPORTED_PADDLE
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and first <= (int(numbers[1]), int(numbers[2])) < beyond:
        return None
    allowed = f">={first[0]}.{first[1]},<{beyond[0]}.{beyond[1]}"
    return f"paddle {version} is outside the tested range {allowed}: if something fails, try {_INSTALL_CPU}."


def _check_paddlenlp(module: ModuleType) -> str | None:
    """Say what is wrong with the version of PaddleNLP, or nothing."""
    version = str(getattr(module, "__version__", "unknown"))
    if version.startswith(SUPPORTED_PADDLENLP):
        return None
    return (
        f"paddlenlp {version} is not the tested version {SUPPORTED_PADDLENLP}: if something fails, "
        f"try pip install 'paddlenlp=={SUPPORTED_PADDLENLP}'."
    )


def _version_of(name: str) -> str:
    """Version of an installed distribution, for messages."""
    for distribution in metadata.packages_distributions().get(name, [name]):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return "(unknown version)"
