"""x-transformers' architectures for PaddlePaddle and PaddleNLP.

Importing the package costs milliseconds: neither Paddle nor PaddleNLP is loaded before a name that needs it
is used. The first use of a model, configuration or tokenizer class also registers them with PaddleNLP (see
`register`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from paddle_xformers.auto import register as register
    from paddle_xformers.auto_models import AutoModelForImageClassification as AutoModelForImageClassification
    from paddle_xformers.config import layer_schedule as layer_schedule
    from paddle_xformers.config import register_part as register_part
    from paddle_xformers.errors import CheckpointError as CheckpointError
    from paddle_xformers.errors import ConfigError as ConfigError
    from paddle_xformers.errors import ContractError as ContractError
    from paddle_xformers.errors import DependencyError as DependencyError
    from paddle_xformers.errors import InputError as InputError
    from paddle_xformers.errors import XFormersError as XFormersError
    from paddle_xformers.models import XCaptionConfig as XCaptionConfig
    from paddle_xformers.models import XCaptionForConditionalGeneration as XCaptionForConditionalGeneration
    from paddle_xformers.models import XCaptionModel as XCaptionModel
    from paddle_xformers.models import XCaptionPretrainedModel as XCaptionPretrainedModel
    from paddle_xformers.models import XContinuousConfig as XContinuousConfig
    from paddle_xformers.models import XContinuousForRegression as XContinuousForRegression
    from paddle_xformers.models import XContinuousModel as XContinuousModel
    from paddle_xformers.models import XContinuousPretrainedModel as XContinuousPretrainedModel
    from paddle_xformers.models import XDecoderConfig as XDecoderConfig
    from paddle_xformers.models import XDecoderForCausalLM as XDecoderForCausalLM
    from paddle_xformers.models import XDecoderForSequenceClassification as XDecoderForSequenceClassification
    from paddle_xformers.models import XDecoderModel as XDecoderModel
    from paddle_xformers.models import XDecoderPretrainedModel as XDecoderPretrainedModel
    from paddle_xformers.models import XEncoderConfig as XEncoderConfig
    from paddle_xformers.models import XEncoderForMaskedLM as XEncoderForMaskedLM
    from paddle_xformers.models import XEncoderForMultipleChoice as XEncoderForMultipleChoice
    from paddle_xformers.models import XEncoderForQuestionAnswering as XEncoderForQuestionAnswering
    from paddle_xformers.models import XEncoderForSequenceClassification as XEncoderForSequenceClassification
    from paddle_xformers.models import XEncoderForTokenClassification as XEncoderForTokenClassification
    from paddle_xformers.models import XEncoderModel as XEncoderModel
    from paddle_xformers.models import XEncoderPretrainedModel as XEncoderPretrainedModel
    from paddle_xformers.models import XImageProcessor as XImageProcessor
    from paddle_xformers.models import XMultiInputConfig as XMultiInputConfig
    from paddle_xformers.models import XMultiInputForCausalLM as XMultiInputForCausalLM
    from paddle_xformers.models import XMultiInputModel as XMultiInputModel
    from paddle_xformers.models import XMultiInputPretrainedModel as XMultiInputPretrainedModel
    from paddle_xformers.models import XSeq2Seq as XSeq2Seq
    from paddle_xformers.models import XSeq2SeqConfig as XSeq2SeqConfig
    from paddle_xformers.models import XSeq2SeqForConditionalGeneration as XSeq2SeqForConditionalGeneration
    from paddle_xformers.models import XSeq2SeqModel as XSeq2SeqModel
    from paddle_xformers.models import XSeq2SeqPretrainedModel as XSeq2SeqPretrainedModel
    from paddle_xformers.models import XValConfig as XValConfig
    from paddle_xformers.models import XValForCausalLM as XValForCausalLM
    from paddle_xformers.models import XValModel as XValModel
    from paddle_xformers.models import XValPretrainedModel as XValPretrainedModel
    from paddle_xformers.models import XViTConfig as XViTConfig
    from paddle_xformers.models import XViTForImageClassification as XViTForImageClassification
    from paddle_xformers.models import XViTForMaskedImageModeling as XViTForMaskedImageModeling
    from paddle_xformers.models import XViTModel as XViTModel
    from paddle_xformers.models import XViTPretrainedModel as XViTPretrainedModel
    from paddle_xformers.models import random_patch_mask as random_patch_mask
    from paddle_xformers.tokenizers import XByteTokenizer as XByteTokenizer
    from paddle_xformers.tokenizers import XTokenizer as XTokenizer
    from paddle_xformers.tune import TuneReport as TuneReport
    from paddle_xformers.tune import tune_cpu as tune_cpu
    from paddle_xformers.wrappers import AutoregressiveWrapper as AutoregressiveWrapper
    from paddle_xformers.wrappers import ContinuousTransformerWrapper as ContinuousTransformerWrapper
    from paddle_xformers.wrappers import CrossAttender as CrossAttender
    from paddle_xformers.wrappers import Decoder as Decoder
    from paddle_xformers.wrappers import Encoder as Encoder
    from paddle_xformers.wrappers import MultiInputTransformerWrapper as MultiInputTransformerWrapper
    from paddle_xformers.wrappers import PrefixDecoder as PrefixDecoder
    from paddle_xformers.wrappers import TransformerBlock as TransformerBlock
    from paddle_xformers.wrappers import TransformerWrapper as TransformerWrapper
    from paddle_xformers.wrappers import ViTransformerWrapper as ViTransformerWrapper
    from paddle_xformers.wrappers import XTransformer as XTransformer
    from paddle_xformers.wrappers import XValAutoregressiveWrapper as XValAutoregressiveWrapper
    from paddle_xformers.wrappers import XValTransformerWrapper as XValTransformerWrapper


# Public name -> the submodule that defines it.
_HOME = {
    "AutoModelForImageClassification": "auto_models",
    "AutoregressiveWrapper": "wrappers",
    "CheckpointError": "errors",
    "ConfigError": "errors",
    "ContinuousTransformerWrapper": "wrappers",
    "ContractError": "errors",
    "CrossAttender": "wrappers",
    "Decoder": "wrappers",
    "DependencyError": "errors",
    "Encoder": "wrappers",
    "InputError": "errors",
    "MultiInputTransformerWrapper": "wrappers",
    "PrefixDecoder": "wrappers",
    "TransformerBlock": "wrappers",
    "TransformerWrapper": "wrappers",
    "TuneReport": "tune",
    "ViTransformerWrapper": "wrappers",
    "XByteTokenizer": "tokenizers",
    "XCaptionConfig": "models",
    "XCaptionForConditionalGeneration": "models",
    "XCaptionModel": "models",
    "XCaptionPretrainedModel": "models",
    "XContinuousConfig": "models",
    "XContinuousForRegression": "models",
    "XContinuousModel": "models",
    "XContinuousPretrainedModel": "models",
    "XDecoderConfig": "models",
    "XDecoderForCausalLM": "models",
    "XDecoderForSequenceClassification": "models",
    "XDecoderModel": "models",
    "XDecoderPretrainedModel": "models",
    "XEncoderConfig": "models",
    "XEncoderForMaskedLM": "models",
    "XEncoderForMultipleChoice": "models",
    "XEncoderForQuestionAnswering": "models",
    "XEncoderForSequenceClassification": "models",
    "XEncoderForTokenClassification": "models",
    "XEncoderModel": "models",
    "XEncoderPretrainedModel": "models",
    "XFormersError": "errors",
    "XImageProcessor": "models",
    "XMultiInputConfig": "models",
    "XMultiInputForCausalLM": "models",
    "XMultiInputModel": "models",
    "XMultiInputPretrainedModel": "models",
    "XSeq2Seq": "models",
    "XSeq2SeqConfig": "models",
    "XSeq2SeqForConditionalGeneration": "models",
    "XSeq2SeqModel": "models",
    "XSeq2SeqPretrainedModel": "models",
    "XTokenizer": "tokenizers",
    "XTransformer": "wrappers",
    "XValAutoregressiveWrapper": "wrappers",
    "XValConfig": "models",
    "XValForCausalLM": "models",
    "XValModel": "models",
    "XValPretrainedModel": "models",
    "XValTransformerWrapper": "wrappers",
    "XViTConfig": "models",
    "XViTForImageClassification": "models",
    "XViTForMaskedImageModeling": "models",
    "XViTModel": "models",
    "XViTPretrainedModel": "models",
    "layer_schedule": "config",
    "random_patch_mask": "models",
    "register": "auto",
    "register_part": "config",
    "tune_cpu": "tune",
}
_SUBMODULES = (
    "auto",
    "auto_models",
    "config",
    "convert",
    "errors",
    "models",
    "nn",
    "serving",
    "testing",
    "tokenizers",
    "tune",
    "wrappers",
)
_REGISTERED_ON_USE = ("auto_models", "models", "tokenizers", "wrappers")

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    """Load a public name, or a submodule, at its first use (PEP 562)."""
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(_unknown(name))
    home = _HOME[name]
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    if home in _REGISTERED_ON_USE:
        importlib.import_module(f"{__name__}.auto").register()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *_HOME, *_SUBMODULES})


def _unknown(name: str) -> str:
    """Say that the package has no such name, and which one may be meant."""
    import difflib

    near = difflib.get_close_matches(name, [*_HOME, *_SUBMODULES], n=1)
    hint = f": did you mean {near[0]!r}?" if near else f"; its public names are {', '.join(_HOME)}."
    return f"module {__name__!r} has no attribute {name!r}{hint}"
