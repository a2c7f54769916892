"""Registration with PaddleNLP: AutoConfig, AutoTokenizer, the AutoModel classes, and Taskflow.

PaddleNLP 3.0.0b4 can register configurations and tokenizers, but its AutoModel classes only find models
inside its own tree. One method of theirs, the one that turns a checkpoint's configuration into a class, is
therefore wrapped: it answers for our families and asks the original about every other.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paddle_xformers._compat import import_paddlenlp
from paddle_xformers.errors import CheckpointError, ConfigError, InputError

# One entry a family: the prefix of its class names, and what follows the prefix in the name of each class
# that an Auto class can load. The configuration class is <prefix>Config.
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("XCaption", ("Model", "ForConditionalGeneration")),
    ("XDecoder", ("Model", "ForCausalLM", "ForSequenceClassification")),
    (
        "XEncoder",
        (
            "Model",
            "ForMaskedLM",
            "ForSequenceClassification",
            "ForTokenClassification",
            "ForQuestionAnswering",
            "ForMultipleChoice",
        ),
    ),
    ("XSeq2Seq", ("Model", "ForConditionalGeneration")),
    ("XViT", ("Model", "ForImageClassification", "ForMaskedImageModeling")),
    ("XContinuous", ("Model", "ForRegression")),
    ("XVal", ("Model", "ForCausalLM")),
    ("XMultiInput", ("Model", "ForCausalLM")),
)

# Image processors that AutoImageProcessor shall load.
IMAGE_PROCESSORS = ("XImageProcessor",)

# The Auto classes that PaddleNLP lacks and this package has, by what they load.
OWN_AUTO_CLASSES = {"ForImageClassification": "paddle_xformers.AutoModelForImageClassification"}

# The first tokenizer is the one of a checkpoint that names none.
TOKENIZERS = ("XTokenizer", "XByteTokenizer")


@dataclass(frozen=True)
class Family:
    """What the Auto classes need to know about one family of models.

    Attributes:
        prefix: What all its class names begin with, such as "XDecoder".
        config_class: Its configuration class; `config_class.model_type` is the family's mark in config.json.
        classes: What follows the prefix in a class name ("Model", "ForCausalLM") -> the class.
    """

    prefix: str
    config_class: Any
    classes: Mapping[str, Any]

    def owns(self, model_type: str | None, architecture: str | None) -> bool:
        """Whether a checkpoint with these two fields of config.json is one of this family."""
        if model_type:
            return bool(model_type == self.config_class.model_type)
        return architecture in {self.prefix + suffix for suffix in self.classes}


_lock = threading.RLock()
_families: dict[str, Family] = {}
_image_processors: dict[str, Any] = {}
_done: set[str] = set()


def register() -> None:
    """Make PaddleNLP's Auto classes and Taskflow know this package's models and tokenizers.

    Afterwards `AutoConfig`, `AutoTokenizer`, `AutoModel` and the `AutoModelFor...` classes load our
    checkpoints, and `Taskflow` has our tasks. The first use of a model or tokenizer class of the package
    does it; call it yourself before the Auto classes when nothing else of the package was used. Calling it
    again changes nothing.

    Raises:
        DependencyError: Paddle or PaddleNLP is missing.
    """
    with _lock:
        if "all" in _done:
            return
        models = importlib.import_module("paddle_xformers.models")
        tokenizers = importlib.import_module("paddle_xformers.tokenizers")
        for prefix, suffixes in FAMILIES:
            register_family(
                prefix,
                getattr(models, f"{prefix}Config"),
                {suffix: getattr(models, prefix + suffix) for suffix in suffixes},
                getattr(tokenizers, TOKENIZERS[0]),
            )
        for name in TOKENIZERS:
            register_tokenizer(getattr(tokenizers, name))
        for name in IMAGE_PROCESSORS:
            register_image_processor(getattr(models, name))
        importlib.import_module("paddle_xformers.serving").register_tasks()
        _done.add("all")


def register_family(prefix: str, config_class: Any, classes: Mapping[str, Any], tokenizer_class: Any = None) -> None:
    """Make the Auto classes load one family of models.

    Args:
        prefix: What all class names of the family begin with.
        config_class: A subclass of PretrainedConfig with a `model_type` of its own.
        classes: What follows the prefix in a class name -> the class, as `{"Model": XDecoderModel}`.
        tokenizer_class: The tokenizer of a checkpoint that names none, if any.

    Raises:
        ConfigError: The configuration class has no `model_type`, or a class is not named `prefix + suffix`.
    """
    import_paddlenlp()
    from paddlenlp.transformers import AutoConfig, AutoTokenizer

    if not config_class.model_type:
        raise ConfigError(
            f"{config_class.__name__}.model_type is {config_class.model_type!r}: "
            "set a word of its own, for it marks the family's checkpoints."
        )
    for suffix, model_class in classes.items():
        if model_class.__name__ != prefix + suffix:
            raise ConfigError(
                f"classes[{suffix!r}] is named {model_class.__name__}: name it {prefix + suffix}, "
                "for the Auto classes find a head by its name."
            )
    with _lock:
        AutoConfig.register(config_class.model_type, config_class, exist_ok=True)
        if tokenizer_class is not None:
            AutoTokenizer.register(config_class, slow_tokenizer_class=tokenizer_class, exist_ok=True)
        _families[prefix] = Family(prefix, config_class, dict(classes))
        _extend_model_lookup()


def register_tokenizer(tokenizer_class: Any) -> None:
    """Make AutoTokenizer load directories whose tokenizer_config.json names this class.

    Args:
        tokenizer_class: A subclass of PretrainedTokenizer.
    """
    import_paddlenlp()
    from paddlenlp.transformers import AutoTokenizer

    # AutoTokenizer finds a class by its name among the registered values. A key holds one class only, and our
    # families share their tokenizers, so each stands under itself.
    AutoTokenizer.register(tokenizer_class, slow_tokenizer_class=tokenizer_class, exist_ok=True)


def register_image_processor(processor_class: Any) -> None:
    """Make AutoImageProcessor load directories whose preprocessor_config.json names this class.

    Args:
        processor_class: A subclass of BaseImageProcessor.
    """
    import_paddlenlp()
    with _lock:
        _image_processors[processor_class.__name__] = processor_class
        if "image processors" in _done:
            return
        base: Any = importlib.import_module("paddlenlp.transformers.auto.image_processing").AutoImageProcessor
        original = base._get_image_processor_class_from_config.__func__

        def find_class(cls: Any, path: Any, config_file_path: Any) -> Any:
            name = str(_read_config(config_file_path).get("image_processor_type"))
            return _image_processors.get(name) or original(cls, path, config_file_path)

        base._get_image_processor_class_from_config = classmethod(find_class)
        _done.add("image processors")


def _extend_model_lookup() -> None:
    """Put our families before PaddleNLP's own search for a model class, once."""
    if "lookup" in _done:
        return
    base: Any = importlib.import_module("paddlenlp.transformers.auto.modeling")._BaseAutoModelClass
    original = base._get_model_class_from_config.__func__

    def find_class(cls: Any, path: Any, config_file_path: Any, config: Any = None) -> Any:
        known = config if config is not None else _read_config(config_file_path)
        family = _family_of(known)
        if family is None:
            return original(cls, path, config_file_path, config)
        return _head_for(cls, family)

    base._get_model_class_from_config = classmethod(find_class)
    _done.add("lookup")


def _read_config(path: Any) -> dict[str, Any]:
    """Read a checkpoint's config.json."""
    try:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({error}): save the model again.") from error
    if not isinstance(fields, dict):
        raise CheckpointError(f"{path} holds a {type(fields).__name__}, not an object: save the model again.")
    return fields


def _family_of(config: Any) -> Family | None:
    """Find our family of a configuration (a dict or a PretrainedConfig), if it is one of ours."""
    architectures = config.get("architectures", None) or [None]
    model_type = config.get("model_type", None)
    owners = (family for family in _families.values() if family.owns(model_type, architectures[-1]))
    return next(owners, None)


def _head_for(auto_class: Any, family: Family) -> Any:
    """Choose the class of a family that an Auto class stands for."""
    suffix = _suffix_of(auto_class)
    if suffix is not None and suffix in family.classes:
        return family.classes[suffix]
    ways = ", ".join(f"{_auto_name(name)} ({family.prefix}{name})" for name in family.classes)
    raise InputError(
        f"{auto_class.__name__} cannot load this checkpoint: {family.prefix} has no "
        f"{family.prefix}{suffix or 'class for it'}. Use one of: {ways}."
    )


def _suffix_of(auto_class: Any) -> str | None:
    """Tell which classes an Auto class loads: "Model", "ForCausalLM", ...

    Every Auto class holds a table from PaddleNLP's own base models to the class it loads in their place, so
    any row tells the suffix. `AutoModel.from_pretrained(task=...)` swaps that table, which makes `task`
    work for us too.
    """
    table = auto_class._name_mapping
    return table["BertModel_Import_Class"].removeprefix("Bert") if table else None


def _auto_name(suffix: str) -> str:
    """Name the Auto class that loads the classes with this suffix."""
    tasks: dict[str, str] = importlib.import_module("paddlenlp.transformers.auto.modeling").MAPPING_TASKS
    return tasks.get(suffix) or OWN_AUTO_CLASSES.get(suffix, f"AutoModel(task={suffix!r})")
