"""The configuration of the family with numbers among its tokens."""

from __future__ import annotations

from ...config.options import TOKEN_GROUPS, NumberOptions
from ..configuration import XPretrainedConfig


class XValConfig(XPretrainedConfig):
    """Configuration of the causal decoder with numbers among its tokens, `XValModel`; see `XPretrainedConfig`."""

    model_type = "xval"
    main_model = "XValForCausalLM"
    causal = True
    groups = (*TOKEN_GROUPS, NumberOptions)
