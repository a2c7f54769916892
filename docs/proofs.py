"""The page of features: which fields a feature has, and where it is proven; made from declarations and case lists."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from paddle_xformers.config import canonical, schema
from paddle_xformers.config.field import FieldInfo, fields_of

ROOT = Path(__file__).resolve().parents[1]
MOST_NAMES = 8  # parity cases that are named in a row

# Features that are one value of a field; the field itself may be declared with another feature.
CHOICES: dict[str, tuple[str, Any]] = {
    "attn-entmax15": ("attn_normalizer", "entmax15"),
    "attn-gumbel-softmax": ("attn_normalizer", "gumbel"),
    "attn-hard": ("attn_normalizer", "hard"),
    "attn-sigmoid": ("attn_normalizer", "sigmoid"),
    "cond-adaptive-layernorm": ("norm", "adaptive_layernorm"),
    "cond-adaptive-rmsnorm": ("norm", "adaptive_rmsnorm"),
    "emb-tied-enc-dec": ("tie_token_emb", True),
    "ff-custom-activation": ("ff_activation", "mish"),
    "ff-relu-squared": ("ff_activation", "relu_squared"),
    "ff-solu": ("ff_activation", "solu"),
    "norm-derf": ("norm", "derf"),
    "norm-dynamic-tanh": ("norm", "dynamic_tanh"),
    "norm-layernorm": ("norm", "layernorm"),
    "norm-pre-and-post": ("norm_placement", "pre_and_post"),
    "norm-resi-dual": ("norm_placement", "resi_dual"),
    "norm-rezero": ("residual", "rezero"),
    "norm-rmsnorm": ("norm", "rmsnorm"),
    "norm-sandwich": ("norm_placement", "sandwich"),
    "norm-scalenorm": ("norm", "scalenorm"),
    "norm-simple-rmsnorm": ("norm", "simple_rmsnorm"),
    "pos-alibi": ("position_bias", "alibi"),
    "pos-dynamic-bias": ("position_bias", "dynamic"),
    "pos-scaled-sinusoidal": ("position_embedding", "sinusoidal"),
    "pos-t5-bias": ("position_bias", "t5"),
    "residual-gated-multi": ("residual", "gated_multi"),
    "residual-gru": ("residual", "gru"),
    "residual-hyper-connections": ("residual", "hyper"),
    "residual-mv-split": ("residual", "mv_split"),
    "residual-orthogonal": ("residual", "orthogonal"),
    "residual-plain": ("residual", "plain"),
}

# What no field turns on, or no case of the parity list can show: contracts by name, and files of tests.
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "attn-causal": ("test_later_tokens_change_nothing_before_them",),
    "attn-mask-custom": (
        "tests/models/test_masks.py",
        "tests/parity/test_parity.py",
        "tests/parity/test_parity_wrappers.py",
    ),
    "attn-bias-external": ("tests/models/test_extras.py", "tests/parity/test_parity_wrappers.py"),
    "attn-mask-self-kv": ("tests/models/test_extras.py", "tests/parity/test_parity_wrappers.py"),
    "attn-qkvo-deltas": ("tests/models/test_extras.py", "tests/parity/test_parity_deltas.py"),
    "attn-weight-delta": ("tests/models/test_extras.py", "tests/parity/test_parity_deltas.py"),
    "attn-flash-packed": ("tests/models/test_packing.py",),
    "attn-onnxable": ("tests/models/test_export.py", "tests/parity/test_parity.py"),
    "attn-custom-fn": ("tests/parity/test_parity_registered.py",),
    "layers-verbose": ("tests/config/test_advice.py",),
    "out-intermediates": (
        *("tests/models/conventions/test_models.py", "tests/wrappers/test_transformer.py"),
        *("tests/parity/test_parity_wrappers.py", "tests/parity/test_parity_intermediates.py"),
    ),
    "out-attn-pool": ("tests/nn/test_pooling.py", "tests/parity/test_parity_pooling.py"),
    "pos-rotary-cross": ("tests/models/test_context_positions.py", "tests/parity/parity_cases.py"),
    "pos-seq-offset": (
        *("test_cached_decoding_equals_one_pass", "tests/models/test_generation.py"),
        "tests/parity/test_parity_positions.py",
    ),
    "pos-seq-start": (
        *("test_a_padded_row_equals_the_row_alone", "tests/models/test_masks.py"),
        "tests/parity/parity_cases.py",
    ),
    "pos-custom": ("tests/parity/test_parity_positions.py",),
    "attn-mask-key-padding": ("test_a_padded_row_equals_the_row_alone",),
    "cond-additional-kv": ("tests/models/test_put_in.py", "tests/parity/test_parity_put_in.py"),
    "cond-kv-residuals": ("tests/models/test_put_in.py", "tests/parity/test_parity_put_in.py"),
    "mem-in-attn-cond": ("tests/models/test_put_in.py", "tests/parity/test_parity_put_in.py"),
    "cross-attn-token-dropout": ("tests/models/seq2seq/test_forward.py",),
    "emb-tied-enc-dec": ("tests/parity/test_parity_seq2seq.py",),
    "emb-prepend": ("tests/models/test_prepended.py", "tests/parity/parity_cases.py"),
    "emb-sum": ("tests/models/test_prepended.py", "tests/parity/parity_cases.py"),
    "gen-seq2seq": ("tests/models/seq2seq/test_generation.py", "tests/parity/test_parity_seq2seq.py"),
    "gen-xval": ("tests/models/xval/test_generation.py", "tests/parity/test_parity_modalities.py"),
    "layers-prefix-decoder": (
        *("tests/models/test_prefix_lm.py", "tests/wrappers/test_prefix_decoder.py"),
        *("tests/parity/test_parity_prefix.py", "tests/parity/test_parity_wrappers.py"),
    ),
    "layers-shift-tokens": ("tests/nn/test_shift.py", "tests/parity/test_parity_shift.py"),
    "loss-seq2seq": ("tests/parity/test_parity_seq2seq.py",),
    "loss-xval": ("tests/models/xval/test_loss.py", "tests/parity/test_parity_modalities.py"),
    "loss-looped-exit": ("tests/models/decoder/test_rounds.py", "tests/parity/test_parity_rounds.py"),
    "mem-looped": ("tests/models/decoder/test_rounds.py", "tests/parity/test_parity_rounds.py"),
    "mem-recycling": ("tests/models/decoder/test_rounds.py", "tests/parity/test_parity_rounds.py"),
    "mem-kv-cache": (
        *("test_cached_decoding_equals_one_pass", "test_a_cache_is_a_value"),
        "test_generation_with_a_cache_equals_generation_without",
    ),
    "mod-continuous": ("tests/parity/test_parity_continuous.py",),
    "mod-multi-input": ("tests/parity/test_parity_modalities.py",),
    "mod-vit": ("tests/parity/test_vision.py",),
    "mod-vit-cls-head": ("tests/models/vit/test_old_port.py",),
    "mod-xval": ("tests/parity/test_parity_modalities.py",),
    "norm-layernorm-bias": ("tests/nn/test_norms.py",),
    "norm-rezero": ("tests/nn/test_residuals.py",),
    "out-logit-entropies": ("tests/models/decoder/test_output_heads.py", "tests/parity/test_parity_heads.py"),
    "out-return-embeddings": ("tests/models/test_forward.py",),
    "layers-execute-order": ("tests/models/test_order.py", "tests/parity/test_parity_order.py"),
    "layers-prefixed-kwargs": ("tests/config/test_schedules.py", "tests/config/test_field.py"),
    "layers-repeat-blocks": ("tests/models/test_order.py", "tests/parity/test_parity_order.py"),
    "layers-transform-block-inputs": ("tests/models/test_order.py", "tests/parity/test_parity_order.py"),
    "layers-transformer-block": ("tests/wrappers/test_stacks.py",),
    "norm-unit-offset": ("tests/nn/test_initial_values.py",),
    "norm-resi-dual": ("tests/nn/test_residuals.py", "tests/models/test_lookback.py"),
    "residual-attn-aggregated": ("tests/models/test_lookback.py",),
    "residual-fn-kwargs": ("tests/config/test_spelling.py",),
    "residual-gated-multi": ("tests/nn/test_residuals.py", "tests/models/test_lookback.py"),
    "residual-lime": ("tests/models/test_lookback.py",),
    "residual-mv-split": ("tests/nn/test_residuals.py", "tests/models/test_lookback.py"),
    "residual-orthogonal": ("tests/nn/test_residuals.py",),
    "residual-qkv-views": ("tests/models/test_lookback.py",),
    "residual-reinject": ("tests/models/test_lookback.py",),
    "residual-unet-skips": ("tests/models/test_lookback.py",),
    "pos-rotary-half-split": ("tests/nn/test_positions.py",),
}


def features_as_markdown() -> str:
    """Return the page: a row a feature."""
    lists = _parity_lists()
    parts = [
        "# Where each feature is proven",
        "",
        "Made from the declarations and the list of parity cases by `make docs`; do not edit. What a feature does: "
        "[features](../features/README.md).",
        "",
        "Every contract case is held against all [contracts](../architecture.md#contracts): "
        '`make test ARGS="tests/contracts -k attn_head_scale"`. Every parity case is compared with x-transformers '
        "on the same weights. Fields of cross attention (`cross_attn_*`) have cases like those of self attention, "
        "which are not written out.",
        "",
        "| feature | fields | contract cases | parity cases | other tests |",
        "|---|---|---|---|---|",
    ]
    rows = _by_feature()
    for feature in sorted({*rows, *ELSEWHERE}):
        parts_of = rows.get(feature, [])
        cells = [
            f"`{feature}`",
            _joined(part.shown for part in parts_of),
            _joined(case for part in parts_of for case in part.contract_cases),
            _joined(_parity_names(parts_of, lists.CASES)),
            _joined(_other_tests(feature, parts_of, lists.NOT_IN_UPSTREAM)),
        ]
        parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(parts) + "\n"


@dataclass(frozen=True)
class Part:
    """A field of a feature, or one value of it.

    Attributes:
        info: The field.
        value: The value that is meant; None: all of them.
    """

    info: FieldInfo
    value: Any = None

    @property
    def shown(self) -> str:
        """The field, with the value if it is about one."""
        return self.info.name if self.value is None else f"{self.info.name}={self.value}"

    @property
    def contract_cases(self) -> list[str]:
        """Names of its cases, as the contracts name them; the default has a case of its own."""
        if self.value is not None and self.value == self.info.default:
            return ["default"]
        meant = [example for example in self.info.examples if self.value in (None, example)]
        registered = () if self.value is not None else _registered_names().get(self.info.socket, ())
        meant += [part["name"] if isinstance(part, dict) else part for part in registered]
        return list(dict.fromkeys(f"{self.info.name}={example}".replace(" ", "") for example in meant))

    def is_set_by(self, fields: Mapping[str, Any]) -> bool:
        """Whether a parity case with these fields is about it."""
        if self.value is None:
            return self.info.name in fields
        given = fields.get(self.info.name, self.info.default)
        return self.value in given if isinstance(given, (list, tuple)) else given == self.value


def _by_feature() -> dict[str, list[Part]]:
    """Every declared field by feature, and what stands in CHOICES; those of cross attention are left out."""
    known = _every_field()
    found: dict[str, list[Part]] = {}
    for info in known.values():
        found.setdefault(info.feature, []).append(Part(info))
    for feature, (name, value) in CHOICES.items():
        if name in known:
            others = [part for part in found.get(feature, []) if part.info.name != name]
            found[feature] = [Part(known[name], value), *others]
    return found


def _every_field() -> Mapping[str, FieldInfo]:
    """Fields of all option groups, whichever families have them."""
    from paddle_xformers.config import options

    groups = [group for name, group in vars(options).items() if name.endswith("Options")]
    fields = {name: info for name, info in schema().items() if not name.startswith("cross_attn_")}
    fields["cross_attn_dim_context"] = schema()["cross_attn_dim_context"]
    return {**fields, **{info.name: info for group in groups for info in fields_of(group)}}


def _parity_names(parts: list[Part], cases: Iterable[Any]) -> list[str]:
    """Names of the parity cases about a part; the first of them, where there are many."""
    settings = {case.name: canonical({**case.upstream, **case.wrapper, **case.ours}) for case in cases}
    names = [name for name, fields in settings.items() if any(part.is_set_by(fields) for part in parts)]
    return names if len(names) <= MOST_NAMES else [*names[:MOST_NAMES], "and more"]


def _other_tests(feature: str, parts: list[Part], reasons: Mapping[str, str]) -> list[str]:
    """Tests that the reasons against a parity case name, and those of ELSEWHERE."""
    named = [path for part in parts for path in re.findall(r"tests/[\w/]+\.py", reasons.get(part.info.name, ""))]
    return list(dict.fromkeys([*named, *ELSEWHERE.get(feature, ())]))


def _parity_lists() -> ModuleType:
    """The lists of tests/parity/, which no package holds."""
    return _loaded(ROOT / "tests" / "parity" / "parity_cases.py")


@functools.cache
def _registered_names() -> Mapping[str, tuple[Any, ...]]:
    """The parts that contracts register, by socket."""
    found: Mapping[str, tuple[Any, ...]] = _loaded(ROOT / "tests" / "contracts" / "registered_names.py").REGISTERED
    return found


def _loaded(path: Path) -> ModuleType:
    """A file of the tests as a module, without the package around it."""
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _joined(items: Iterable[str]) -> str:
    return ", ".join(item if item == "and more" else f"`{item}`" for item in items)
