"""Weights of x-transformers 2.31: the table of a stack of layers, and of what its layers share."""

from __future__ import annotations

from .heads import (
    bias_table,
    curves_of_heads,
    dynamic_heads,
    features_of_head,
    features_of_heads,
    features_of_heads_or_heads,
    forget_gates,
    gate_keys,
    gate_of_heads,
    gate_queries,
    gru_of_heads,
    gru_of_states,
    head_factors,
    head_mix,
    heads_last,
    in_head_order,
    key_heads,
    memory_heads,
    output_gate,
    output_heads,
    output_value,
    query_heads,
    value_heads,
)
from .table import Rule, copied
from .transforms import (
    column,
    gain,
    gate_half,
    number,
    one_axis,
    polar_frequencies,
    rotary_frequencies,
    tanh_scale,
    transposed,
    unless_alone,
    unless_alone_transposed,
    value_half,
    xpos_scales,
)

_LAYER, _OURS = "attn_layers.layers.{i}.", "{base}.stack.layers.{i}."
_BRANCH, _OUR_BRANCH = _LAYER + "1.{fn}", _OURS + "{branch}."
_GATES = "data_dependent_alibi.to_forget_gates.0."
_NORMS = (
    ("attn_layers.final_norm.", "{base}.stack.final_norm."),
    (_LAYER + "0.0.", _OURS + "pre_norm."),
    (_LAYER + "0.1.", _OURS + "branch_norm."),
    (_LAYER + "0.2.", _OURS + "post_norm."),
)
_INTEGRATOR = "attn_layers.layer_integrators.{i}."
_RESIDUAL, _CONNECTION = _LAYER + "2.", _OURS + "connection."

STACK_RULES: tuple[Rule, ...] = (
    # What the layers share.
    Rule("attn_layers.rotary_pos_emb.inv_freq", "", rotary_frequencies),
    Rule("attn_layers.rotary_pos_emb.scale", "", xpos_scales),
    Rule("attn_layers.polar_pos_emb.inv_freq", "", polar_frequencies),
    Rule("attn_layers.polar_pos_emb.learned_bias", "{base}.stack.turning.bias"),
    Rule(
        "attn_layers.rel_pos.relative_attention_bias.weight",
        "{base}.stack.position_bias.table.weight",
        bias_table,
    ),
    Rule("attn_layers.rel_pos.mlp.{name}.0.{part}", "{base}.stack.position_bias.hidden.{name}.proj.{part}", transposed),
    Rule("attn_layers.rel_pos.mlp.{name}.1.gamma", "{base}.stack.position_bias.hidden.{name}.norm.weight"),
    Rule("attn_layers.rel_pos.mlp.{name}.1.{part}", "{base}.stack.position_bias.hidden.{name}.norm.{part}"),
    Rule("attn_layers.rel_pos.mlp.{name}.{part}", "{base}.stack.position_bias.proj.{part}", dynamic_heads),
    # Norms.
    *(
        Rule(source + name, target + own, transform)
        for source, target in _NORMS
        for name, own, transform in (
            ("{gain}", "weight", gain),
            ("to_gamma.weight", "proj.weight", transposed),
            ("beta", "bias", copied),
            ("pre_tanh_scale", "alpha", tanh_scale),
            ("alpha", "alpha", number),
            ("s", "shift", one_axis),
        )
    ),
    # Attention.
    Rule(_BRANCH + "to_q.weight", _OUR_BRANCH + "q_proj.weight", query_heads, kinds="ac"),
    Rule(_BRANCH + "to_k.weight", _OUR_BRANCH + "k_proj.weight", key_heads, kinds="ac"),
    Rule(_BRANCH + "to_v.weight", _OUR_BRANCH + "v_proj.weight", value_heads, kinds="ac"),
    Rule(_BRANCH + "to_out.weight", _OUR_BRANCH + "o_proj.weight", output_heads, kinds="ac"),
    Rule(
        _BRANCH + "to_value_residual_mix.0.{part}",
        _OUR_BRANCH + "value_residual.mix_proj.{part}",
        transposed,
        kinds="a",
    ),
    Rule(_BRANCH + "to_out.0.weight", _OUR_BRANCH + "o_proj.weight", output_value, kinds="ac"),
    Rule(_BRANCH + "to_out.0.weight", _OUR_BRANCH + "attention_on_attention.gate_proj.weight", output_gate, kinds="ac"),
    Rule(_BRANCH + "mem_k", _OUR_BRANCH + "memory_kv.keys", memory_heads, kinds="ac"),
    Rule(_BRANCH + "mem_v", _OUR_BRANCH + "memory_kv.values", memory_heads, kinds="ac"),
    Rule(_BRANCH + "qk_norm_q_scale", _OUR_BRANCH + "qk_norm.q_scale", features_of_head, kinds="ac"),
    Rule(_BRANCH + "qk_norm_k_scale", _OUR_BRANCH + "qk_norm.k_scale", memory_heads, kinds="ac"),
    Rule(_BRANCH + "hybrid_norms.0.gamma", _OUR_BRANCH + "hybrid.attn_weight", features_of_head, kinds="ac"),
    Rule(_BRANCH + "hybrid_norms.1.gamma", _OUR_BRANCH + "hybrid.module_weight", features_of_head, kinds="ac"),
    Rule(_BRANCH + "hybrid_mix.weight", _OUR_BRANCH + "hybrid.mix_proj.weight", heads_last, kinds="ac"),
    *(
        Rule(
            f"{_BRANCH}hybrid_module.{fold}{name}_l0",
            f"{_OUR_BRANCH}hybrid.module.gru.cell.{name}",
            gru_of_states if name == "weight_hh" else gru_of_heads,
            kinds="ac",
        )
        for fold in ("fn.", "")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ),
    Rule(_BRANCH + "head_scale_params", _OUR_BRANCH + "head_scale.weight", head_factors, kinds="ac"),
    Rule(_BRANCH + "to_latent_q.weight", _OUR_BRANCH + "latent_queries.proj.weight", transposed, kinds="ac"),
    Rule(_BRANCH + "to_latent_kv.weight", _OUR_BRANCH + "latent_keys_values.proj.weight", transposed, kinds="ac"),
    Rule(_BRANCH + "to_rotateable_k.weight", _OUR_BRANCH + "rope_keys.proj.weight", transposed, kinds="ac"),
    Rule(_BRANCH + "q_rmsnorm.gamma", _OUR_BRANCH + "qk_rmsnorm.q_weight", features_of_head, kinds="ac"),
    Rule(_BRANCH + "k_rmsnorm.gamma", _OUR_BRANCH + "qk_rmsnorm.k_weight", memory_heads, kinds="ac"),
    Rule(_BRANCH + "value_rmsnorm.gamma", _OUR_BRANCH + "value_rmsnorm.weight", memory_heads, kinds="ac"),
    Rule(_BRANCH + "attend.head_attn_sink", _OUR_BRANCH + "learned_sink.weight", in_head_order, kinds="ac"),
    Rule(_BRANCH + "to_v_head_gate.weight", _OUR_BRANCH + "gate_heads.proj.weight", heads_last, kinds="ac"),
    Rule(_BRANCH + "to_v_head_gate.bias", _OUR_BRANCH + "gate_heads.bias", in_head_order, kinds="ac"),
    Rule(_BRANCH + "to_v_gate.down.weight", _OUR_BRANCH + "gate_values.proj.down.weight", transposed, kinds="ac"),
    Rule(_BRANCH + "to_v_gate.up.weight", _OUR_BRANCH + "gate_values.proj.up.weight", features_of_heads, kinds="ac"),
    Rule(_BRANCH + "to_output_gate.weight", _OUR_BRANCH + "gate_values.output_proj.weight", gate_of_heads, kinds="ac"),
    Rule(
        _BRANCH + "to_output_gate.down.weight",
        _OUR_BRANCH + "gate_values.output_proj.down.weight",
        output_heads,
        kinds="ac",
    ),
    Rule(
        _BRANCH + "to_output_gate.up.weight",
        _OUR_BRANCH + "gate_values.output_proj.up.weight",
        features_of_heads,
        kinds="ac",
    ),
    Rule(_BRANCH + "to_v_gate.weight", _OUR_BRANCH + "gate_values.proj.weight", features_of_heads_or_heads, kinds="ac"),
    Rule(
        _BRANCH + "attend.pre_softmax_talking_heads.weight",
        _OUR_BRANCH + "pre_talking_heads.weight",
        head_mix,
        kinds="ac",
    ),
    Rule(
        _BRANCH + "attend.post_softmax_talking_heads.weight",
        _OUR_BRANCH + "post_talking_heads.weight",
        head_mix,
        kinds="ac",
    ),
    Rule(
        _BRANCH + "attend.pre_scale_post_talking_heads.weight",
        _OUR_BRANCH + "score_scale.weight",
        head_mix,
        kinds="ac",
    ),
    # Biases that tokens compute.
    Rule(_BRANCH + _GATES + "weight", _OUR_BRANCH + "forgetting.proj.weight", forget_gates, kinds="a"),
    Rule(_BRANCH + _GATES + "bias", _OUR_BRANCH + "forgetting.bias", forget_gates, kinds="a"),
    Rule(_BRANCH + _GATES + "weight", _OUR_BRANCH + "forgetting.q_proj.weight", gate_queries, kinds="a"),
    Rule(_BRANCH + _GATES + "weight", _OUR_BRANCH + "forgetting.k_proj.weight", gate_keys, kinds="a"),
    Rule(_BRANCH + "rel_proj_pos_bias.distance_bank", _OUR_BRANCH + "relative_projection.curves", kinds="a"),
    Rule(
        _BRANCH + "rel_proj_pos_bias.to_distance_weights.0.{part}",
        _OUR_BRANCH + "relative_projection.proj.{part}",
        curves_of_heads,
        kinds="a",
    ),
    Rule(_BRANCH + "attend.cope.pos_emb", _OUR_BRANCH + "position_logits.weight", kinds="a"),
    Rule(_BRANCH + "attend.cope.talking_heads.weight", _OUR_BRANCH + "contextual_positions.mix", head_mix, kinds="a"),
    Rule(_LAYER + "1.{fn}gamma", _OURS + "layer_scale.weight", gain),
    Rule("attn_layers.adaptive_mlp.0.weight", "{base}.stack.condition.proj.weight", transposed),
    Rule(_LAYER + "1.{fn}to_gamma.{part}", _OURS + "layer_scale.proj.{part}", transposed),
    # Feed-forward.
    Rule(_BRANCH + "ff.0.0.{part}", _OUR_BRANCH + "up_proj.{part}", transposed, kinds="f"),
    Rule(_BRANCH + "ff.0.proj.{part}", _OUR_BRANCH + "up_proj.{part}", value_half, kinds="f"),
    Rule(_BRANCH + "ff.0.proj.{part}", _OUR_BRANCH + "gate_proj.{part}", gate_half, kinds="f"),
    Rule(_BRANCH + "ff.0.{name}.norm.gamma", _OUR_BRANCH + "activation.norm.weight", kinds="f"),
    Rule(_BRANCH + "ff.0.mult_bias", _OUR_BRANCH + "mult_bias", kinds="f"),
    Rule(_BRANCH + "ff.2.{part}", _OUR_BRANCH + "down_proj.{part}", transposed, kinds="f"),
    Rule(_BRANCH + "ff.1.gamma", _OUR_BRANCH + "inner_norm.weight", kinds="f"),
    Rule(_BRANCH + "ff.3.{part}", _OUR_BRANCH + "down_proj.{part}", transposed, kinds="f"),
    # Residual connections.
    Rule(_RESIDUAL + "residual_scale", _CONNECTION + "residual_scale"),
    *(
        Rule(_RESIDUAL + f"gru.{name}", _CONNECTION + f"gru.{name}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ),
    # Hyper-connections.
    Rule("attn_layers.stream_emb", "{base}.stack.residuals.stream_embedding"),
    Rule(_RESIDUAL + "norm.weight", _CONNECTION + "norm.weight"),
    Rule(_RESIDUAL + "static_alpha", _CONNECTION + "static_alpha"),
    Rule(_RESIDUAL + "dynamic_alpha_fn", _CONNECTION + "dynamic_alpha"),
    Rule(_RESIDUAL + "dynamic_alpha_scale", _CONNECTION + "dynamic_alpha_scale", one_axis),
    Rule(_RESIDUAL + "static_beta", _CONNECTION + "static_beta"),
    Rule(_RESIDUAL + "dynamic_beta_fn", _CONNECTION + "dynamic_beta", column),
    Rule(_RESIDUAL + "dynamic_beta_scale", _CONNECTION + "dynamic_beta_scale", one_axis),
    # Gated multi residual.
    Rule(_RESIDUAL + "read_gain", _CONNECTION + "read_gain"),
    Rule(_RESIDUAL + "static_read_logit", _CONNECTION + "static_read"),
    Rule(_RESIDUAL + "static_write_logit", _CONNECTION + "static_write"),
    Rule(_RESIDUAL + "to_bottleneck.weight", _CONNECTION + "down_proj.weight", transposed),
    Rule(_RESIDUAL + "to_read_gate.weight", _CONNECTION + "read_proj.weight", transposed),
    Rule(_RESIDUAL + "to_write_gate.weight", _CONNECTION + "write_proj.weight", transposed),
    Rule(_RESIDUAL + "dynamic_gate_scale", _CONNECTION + "dynamic_scale", one_axis),
    # Mean-variance split.
    *(Rule(_RESIDUAL + name, _CONNECTION + name) for name in ("alpha", "beta")),
    *(
        Rule(_RESIDUAL + f"to_{name}.{{part}}", _CONNECTION + f"{name}_proj.{{part}}", transposed)
        for name in ("alpha", "beta")
    ),
    # Looking back at earlier layers.
    Rule("attn_layers.skip_combines.{i}.combine.weight", _OURS + "unet_skip.proj.weight", transposed),
    Rule("attn_layers.reinject_input_proj.weight", "{base}.stack.reinjection.proj.weight", transposed),
    Rule("attn_layers.learned_reinject_input_gate.weight", "{base}.stack.reinjection.gate.weight", transposed),
    Rule(_INTEGRATOR + "to_weights.0.g", _OURS + "lime.norm.weight", unless_alone),
    Rule(_INTEGRATOR + "to_weights.1.{part}", _OURS + "lime.proj.{part}", unless_alone_transposed),
    Rule(_INTEGRATOR + "to_keys.weight", _OURS + "depth_attention.key_norm.weight", unless_alone),
    Rule(_INTEGRATOR + "to_query.0.weight", _OURS + "depth_attention.query_norm.weight", unless_alone),
    Rule(_INTEGRATOR + "to_query.1.down.weight", _OURS + "depth_attention.down_proj.weight", unless_alone_transposed),
    Rule(_INTEGRATOR + "to_query.1.up.weight", _OURS + "depth_attention.up_proj.weight", unless_alone_transposed),
    Rule(_INTEGRATOR + "norm.weight", _OURS + "depth_attention.norm.weight", unless_alone),
)
