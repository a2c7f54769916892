"""Other spellings of the fields: x-transformers' keywords and those of its old Paddle port.

Where those spell one choice as several exclusive booleans, one named field is canonical here; setting two
of them to true for the same field is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .schema import schema


@dataclass(frozen=True)
class Spelling:
    """One foreign keyword.

    Args:
        keyword: How x-transformers or the old port spells it.
        fields: The canonical fields it sets.
        values: Canonical value by foreign value: one for all fields, or one for each field by its name; a foreign
            value that is missing sets nothing.
            None: the value is taken over as it is.
        keys: For a keyword whose value is a dictionary: the field that each of its keys sets.
        is_name: The value is a string rather than a switch, and sets nothing.
    """

    keyword: str
    fields: tuple[str, ...]
    values: Mapping[Any, Any] | None = None
    keys: Mapping[str, str] | None = None
    is_name: bool = False

    def setting(self, field: str, value: Any) -> Any:
        """Return the canonical value of one of the fields.

        Args:
            field: One of `fields`.
            value: The foreign value, which is one of `values` where there are any.
        """
        if self.values is None:
            return value
        own = self.values[value]
        return own[field] if isinstance(own, Mapping) else own

    def settings(self, name: str, value: Any) -> dict[str, Any]:
        """Return the canonical value of every field that a foreign value sets.

        Args:
            name: The keyword as the caller wrote it, with its prefix.
            value: The foreign value.

        Raises:
            ConfigError: If a switch is no boolean, or a dictionary is none or has a key that sets nothing.
        """
        if self.keys is not None:
            if not isinstance(value, Mapping) or not set(value) <= set(self.keys):
                raise ConfigError(
                    f"{name}={value!r} is not allowed: give a dictionary with some of the keys {', '.join(self.keys)}"
                )
            return {self.keys[key]: own for key, own in value.items()}
        if self.is_name:
            if value is not None and not isinstance(value, str):
                raise ConfigError(f"{name}={value!r} is not allowed: it is the name of an argument; give a string")
            return {}
        if self.values is not None:
            if not isinstance(value, bool):
                raise ConfigError(f"{name}={value!r} is not allowed: it is a switch; give True or False")
            if value not in self.values:
                return {}
        return {field: self.setting(field, value) for field in self.fields}


def _switch(keyword: str, field: str, value: Any) -> Spelling:
    """A boolean that, when true, chooses `value`."""
    return Spelling(keyword, (field,), {True: value})


def _switches(keyword: str, **fields: Any) -> Spelling:
    """A boolean that, when true, chooses a value for each of several fields."""
    return Spelling(keyword, tuple(fields), {True: fields})


def _dictionary(keyword: str, **keys: str) -> Spelling:
    """A dictionary of arguments, each of which sets a field."""
    return Spelling(keyword, tuple(keys.values()), keys=keys)


SPELLINGS: tuple[Spelling, ...] = (
    _switch("use_rmsnorm", "norm", "rmsnorm"),
    _switch("use_scalenorm", "norm", "scalenorm"),
    _switch("use_simple_rmsnorm", "norm", "simple_rmsnorm"),
    _switch("use_dynamic_tanh", "norm", "dynamic_tanh"),
    _switch("use_derf", "norm", "derf"),
    _switch("use_adaptive_layernorm", "norm", "adaptive_layernorm"),
    _switch("use_adaptive_rmsnorm", "norm", "adaptive_rmsnorm"),
    Spelling("pre_norm", ("norm_placement",), {False: "post"}),
    _switch("sandwich_norm", "norm_placement", "sandwich"),
    _switch("pre_and_post_norm", "norm_placement", "pre_and_post"),
    _switches("use_rezero", residual="rezero", norm="identity"),
    _switch("orthog_residual", "residual", "orthogonal"),
    _switch("gate_residual", "residual", "gru"),
    _switch("mv_split_residual", "residual", "mv_split"),
    _switch("gated_multi_residual", "residual", "gated_multi"),
    _switch("resi_dual", "norm_placement", "resi_dual"),
    _dictionary(
        "residual_fn_kwargs",
        init_alpha="mv_split_init_alpha",
        init_beta="mv_split_init_beta",
        learned="mv_split_learned",
        read_gate_rank="read_gate_rank",
        sinkhorn_iters="hyper_conn_sinkhorn_iters",
    ),
    _dictionary(
        "attn_aggregated_residual_kwargs",
        lora_rank="attn_aggregated_residual_rank",
        lora_activation="attn_aggregated_residual_activation",
    ),
    Spelling("pre_norm_has_final_norm", ("final_norm",), {False: False}),
    _switch("alibi_pos_bias", "position_bias", "alibi"),
    _switch("alibi_pos_emb", "position_bias", "alibi"),
    _switch("rel_pos_bias", "position_bias", "t5"),
    _switch("dynamic_pos_bias", "position_bias", "dynamic"),
    _dictionary("rel_pos_kwargs", slopes="alibi_slopes"),
    _dictionary(
        "attn_data_dependent_alibi_kwargs",
        bias_init="data_dependent_alibi_bias_init",
        post_log_scale="data_dependent_alibi_post_log_scale",
    ),
    _switch("scaled_sinu_pos_emb", "position_embedding", "sinusoidal"),
    Spelling("use_abs_pos_emb", ("position_embedding",), {False: "none"}),
    Spelling("use_pos_emb", ("position_embedding",), {False: "none"}),
    Spelling("disable_abs_pos_emb", ("position_embedding",), {True: "none", False: "learned"}),
    _switch("ff_swish", "ff_activation", "silu"),
    _switch("ff_relu_squared", "ff_activation", "relu_squared"),
    _switch("ff_solu", "ff_activation", "solu"),
    Spelling("ff_custom_activation", ("ff_activation",)),
    _switch("attn_one_kv_head", "attn_kv_heads", 1),
    _switch("cross_attn_one_kv_head", "cross_attn_kv_heads", 1),
    Spelling("attn_talking_heads", ("attn_pre_talking_heads", "attn_post_talking_heads")),
    _switch("attn_use_entmax15", "attn_normalizer", "entmax15"),
    *(
        _switch(f"{prefix}attn_{name}", f"{prefix}attn_normalizer", name)
        for prefix in ("", "cross_")
        for name in ("sigmoid", "hard")
    ),
    *(_switch(f"{prefix}attn_gumbel_softmax", f"{prefix}attn_normalizer", "gumbel") for prefix in ("", "cross_")),
    Spelling("attn_max_attend_past", ("max_attend_past",)),
    *(
        # Sets nothing: the width of the latent says it.
        Spelling(f"{prefix}attn_use_latent_{kind}", (f"{prefix}attn_dim_latent_{kind}",), {})
        for prefix in ("", "cross_")
        for kind in ("q", "kv")
    ),
    *(
        # Sets nothing: a module beside attention is always told which tokens are padding.
        Spelling(f"{prefix}attn_hybrid_mask_kwarg", (f"{prefix}attn_hybrid_module",), {}, is_name=True)
        for prefix in ("", "cross_")
    ),
    Spelling("attn_onnxable", ("attn_kernel",), {}),  # sets nothing: masks are always made in a way that exports
    _switches(
        "use_qk_norm_attn", attn_qk_norm=True, attn_qk_norm_learned_temperature=True, norm_placement="attn_branch"
    ),
    Spelling("qk_norm_attn_seq_len", ("attn_qk_norm_seq_len",)),
    Spelling("attn_scale_init_value", ("attn_qk_norm_temperature_init",)),
    Spelling("attn_flash", ("attn_kernel",), {True: "auto", False: "eager"}),
    Spelling("zero_init_branch_output", ("attn_zero_init_output", "ff_zero_init_output")),
    Spelling("tie_embedding", ("tie_word_embeddings",)),
    _switch("use_l1_loss", "regression_loss", "l1"),
)

BY_KEYWORD: Mapping[str, Spelling] = {spelling.keyword: spelling for spelling in SPELLINGS}


def canonical(given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the keyword arguments with every foreign spelling turned into our fields.

    Args:
        given: Keyword arguments as the caller wrote them.
        prefix: What stands in front of every one of them, and of every one returned.

    Raises:
        ConfigError: If two of them ask for different values of one field, a value is none that a keyword takes, or
            ff_dim_out is another width than dim.
    """
    if not prefix:
        given = _without_dim_out(given)
    _check_latent_switches(given, prefix)
    result = {name: value for name, value in given.items() if name.removeprefix(prefix) not in BY_KEYWORD}
    source = {name: name for name in result}
    for name, value in given.items():
        spelling = BY_KEYWORD.get(name.removeprefix(prefix))
        if spelling is None:
            continue
        for field, own in spelling.settings(name, value).items():
            field = prefix + field
            if field in result and result[field] != own:
                first, second = f"{source[field]}={given[source[field]]!r}", f"{name}={given[name]!r}"
                raise ConfigError(
                    f"{first} and {second} exclude each other: both set {field} "
                    f"(to {result[field]!r} and to {own!r}); give only one of them"
                )
            result[field] = own
            source[field] = name
    # num_residual_streams > 1 is how x-transformers asks for hyper-connections.
    streams = result.get(f"{prefix}num_residual_streams")
    if isinstance(streams, int) and streams > 1:
        result.setdefault(f"{prefix}residual", "hyper")
    return result


def _without_dim_out(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out ff_dim_out, which can only say what is so anyway: the residual stream takes no other width."""
    if "ff_dim_out" not in given:
        return given
    dim = given.get("dim", given.get("hidden_size", schema()["dim"].default))
    if given["ff_dim_out"] not in (None, dim):
        raise ConfigError(
            f"ff_dim_out={given['ff_dim_out']!r} is not dim={dim!r}, but the feed-forward output is added to the "
            "residual stream, which has that width; leave ff_dim_out out"
        )
    return {name: value for name, value in given.items() if name != "ff_dim_out"}


def _check_latent_switches(given: Mapping[str, Any], prefix: str) -> None:
    """Refuse an attn_use_latent_q, or its like, that does not agree with whether the width of the latent is given."""
    for name in (f"{prefix}{cross}attn_{{}}_latent_{kind}" for cross in ("", "cross_") for kind in ("q", "kv")):
        switch, width = name.format("use"), name.format("dim")
        if switch in given and given[switch] != (given.get(width) is not None):
            raise ConfigError(
                f"{switch}={given[switch]!r} and {width}={given.get(width)!r} contradict each other: a latent has a "
                f"width; set {width}, or neither"
            )
