"""The configuration classes: PaddleNLP's PretrainedConfig with our declared fields and rules."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .._compat import import_paddlenlp
from .._version import __version__
from ..config import FieldInfo, StackOptions, canonical, misspelt, schema, stack_options, validate
from ..config.advice import advise
from ..config.options import TOKEN_GROUPS
from ..config.presets import PRESETS, find_preset
from ..config.spelling import BY_KEYWORD
from ..errors import ConfigError
from .checkpoint import check_folder
from .counting import count_parameters

import_paddlenlp()

from paddlenlp.transformers import PretrainedConfig  # noqa: E402


class XPretrainedConfig(PretrainedConfig):
    """What all our families have in common: a flat set of declared fields, saved as `config.json`.

    Every field may be given by its own name, by x-transformers' or the old port's keyword, or by PaddleNLP's
    name (`hidden_size` for `dim`, ...). Values are checked when a model is built, or by `validate()`.

    Args:
        **kwargs: Fields of this family (list them with `python -m paddle_xformers fields`) and everything
            that PaddleNLP's PretrainedConfig takes.

    Raises:
        ConfigError: If a key is a misspelt field, or two keys set one field to different values.
    """

    groups: tuple[type, ...] = TOKEN_GROUPS
    causal = True
    main_model = ""  # the class whose parameters num_parameters counts; every family has one
    attribute_map = {
        "hidden_size": "dim",
        "num_hidden_layers": "depth",
        "num_attention_heads": "heads",
        "num_key_value_heads": "attn_kv_heads",
        "intermediate_size": "ff_dim",
        "vocab_size": "num_tokens",
        "max_position_embeddings": "max_seq_len",
        "dropout": "classifier_dropout",
        "num_classes": "num_labels",
    }
    keys_to_ignore_at_inference = ["past_key_values", "mems"]

    def __init__(self, **kwargs: Any) -> None:
        fields = self.fields()
        given = self._own_names(kwargs)
        for name, info in fields.items():
            setattr(self, name, given.pop(name, info.default))
        self.xformers_version = given.pop("xformers_version", __version__)
        # PaddleNLP's configuration has some of our fields too, and would set them to its own default.
        names = {**{name: name for name in fields}, **self.attribute_map}
        shared = {name: getattr(self, own) for name, own in names.items() if own in fields and _is_paddlenlp_key(name)}
        super().__init__(**{"tie_word_embeddings": False, **shared, **given})

    @classmethod
    def fields(cls) -> Mapping[str, FieldInfo]:
        """Return every field of this family by name."""
        return schema(cls.groups)

    @classmethod
    def _own_names(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Turn other spellings into our fields, and refuse misspelt ones."""
        fields = cls.fields()
        result: dict[str, Any] = {}
        source: dict[str, str] = {}
        for name, value in cls._canonical(given).items():
            own = cls.attribute_map.get(name, name)
            if own in result and result[own] != value:
                raise ConfigError(
                    f"{source[own]}={result[own]!r} and {name}={value!r} contradict each other: both set {own}; "
                    "give only one of them"
                )
            result[own], source[own] = value, name
        known = {*fields, *BY_KEYWORD, *cls.attribute_map}
        for name, value in result.items():
            if name in fields or _is_paddlenlp_key(name):
                continue
            if name in schema():
                raise ConfigError(f"{name}={value!r} is a field of other families, not of {cls.__name__}; leave it out")
            sentence = misspelt(name, known)
            if sentence:
                raise ConfigError(sentence)
        return result

    @classmethod
    def _canonical(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Turn the keywords of x-transformers and its old port into our fields."""
        return canonical(given)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Build a configuration from a dictionary, with `kwargs` taking precedence.

        Args:
            config_dict: Keys and values as in `config.json`.
            **kwargs: Fields to override, in any accepted spelling.

        Returns:
            The configuration; with `return_unused_kwargs=True` a pair of it and the keys it did not use.
        """
        return super().from_dict(config_dict, **cls._own_names(kwargs))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Any:
        """Load a configuration from the folder of a saved model.

        Args:
            pretrained_model_name_or_path: The folder; `~` is expanded. Names on a hub need `from_hf_hub=True` or
                `from_aistudio=True`.
            **kwargs: Fields to override.

        Raises:
            CheckpointError: If the folder or its config.json is missing or damaged.
        """
        path = os.path.expanduser(os.fspath(pretrained_model_name_or_path))
        if not (kwargs.get("from_hf_hub") or kwargs.get("from_aistudio") or os.path.isfile(path)):
            check_folder(os.path.join(path, kwargs.get("subfolder") or ""), cls)
        return super().from_pretrained(path, **kwargs)

    @classmethod
    def presets(cls) -> list[str]:
        """Return the names of the well-known architectures of this family; docs/presets.md describes them."""
        return list(PRESETS.get(cls.model_type, {}))

    @classmethod
    def preset(cls, name: str, **overrides: Any) -> Any:
        """Return the configuration of a well-known architecture, such as `gpt2-small`; there are no weights.

        Dropout and token ids are at their defaults.

        Args:
            name: One of `presets()`.
            **overrides: Fields that shall differ, in any accepted spelling.

        Returns:
            The configuration.

        Raises:
            ConfigError: If there is no such preset, or a key is a misspelt field.
        """
        return cls(**{**find_preset(cls.model_type, name).fields, **cls._own_names(overrides)})

    def num_parameters(self, model_class: Any = None) -> int:
        """Count the parameters of a model of this configuration, without memory for any of them.

        The model is built from parameters that have a shape and no numbers, so that the count is that of the model
        itself; tied weights count once. It takes about as long as building a small model of the same depth.

        Args:
            model_class: A model class of the family, such as `XEncoderForMaskedLM`; None: the family's main class.

        Returns:
            The number of parameters.

        Raises:
            ConfigError: If no model can be built from the configuration.
            InputError: If the class is not one of this family.
        """
        return count_parameters(self, model_class)

    def __setattr__(self, key: str, value: Any) -> None:
        """Keep lists rather than tuples: JSON gives lists back, and a reloaded configuration must be equal."""
        super().__setattr__(key, list(value) if isinstance(value, tuple) else value)

    def values(self) -> dict[str, Any]:
        """Return the value of every field of this family by name."""
        return {name: getattr(self, name) for name in self.fields()}

    def validate(self) -> None:
        """Check values, per-layer lists and the rules between fields; building a model does it too.

        Raises:
            ConfigError: With one sentence for each problem found.
        """
        validate(self.values(), self.fields())

    def stack_options(self) -> StackOptions:
        """Validate, and return the frozen options that `nn` builds from.

        Raises:
            ConfigError: If no model can be built from the values.
        """
        self.validate()
        advise(self.values())
        return stack_options(self.values(), causal=self.causal)


def _is_paddlenlp_key(name: str) -> bool:
    """Whether PaddleNLP's own configuration knows the key."""
    return hasattr(_PLAIN, name)


_PLAIN = PretrainedConfig()
