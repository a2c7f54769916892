"""The table of x-transformers' names, and the sentences about weights that do not fit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from paddle_xformers import CheckpointError, XDecoderConfig, XDecoderForCausalLM, XDecoderModel
from paddle_xformers._compat import import_paddle
from paddle_xformers.convert import from_x_transformers, load_x_transformers

paddle = import_paddle()

SIZES = {"dim": 8, "depth": 1, "heads": 2, "attn_dim_head": 4, "num_tokens": 11, "max_seq_len": 6}
LAYER = "attn_layers.layers."


def config(**options) -> XDecoderConfig:
    return XDecoderConfig(**SIZES | options)


def weights(**more) -> dict[str, np.ndarray]:
    """What x-transformers saves for a plain decoder of one block; None takes a name out."""
    draw = np.random.default_rng(0)
    shapes = {
        "token_emb.emb.weight": (11, 8),
        "pos_emb.emb.weight": (6, 8),
        LAYER + "0.0.0.gamma": (8,),
        LAYER + "0.1.to_q.weight": (8, 8),
        LAYER + "0.1.to_k.weight": (8, 8),
        LAYER + "0.1.to_v.weight": (8, 8),
        LAYER + "0.1.to_out.weight": (8, 8),
        LAYER + "1.0.0.gamma": (8,),
        LAYER + "1.1.ff.0.0.weight": (32, 8),
        LAYER + "1.1.ff.0.0.bias": (32,),
        LAYER + "1.1.ff.2.weight": (8, 32),
        LAYER + "1.1.ff.2.bias": (8,),
        "attn_layers.final_norm.gamma": (8,),
        "to_logits.weight": (11, 8),
    }
    arrays = {name: draw.standard_normal(shape).astype("float32") for name, shape in shapes.items()}
    return {name: value for name, value in {**arrays, **more}.items() if value is not None}


def gated(**more) -> dict[str, np.ndarray]:
    """The same with a gated feed-forward layer."""
    draw = np.random.default_rng(1)
    inner = {
        LAYER + "1.1.ff.0.0.weight": None,
        LAYER + "1.1.ff.0.0.bias": None,
        LAYER + "1.1.ff.0.proj.weight": draw.standard_normal((64, 8)).astype("float32"),
        LAYER + "1.1.ff.0.proj.bias": draw.standard_normal(64).astype("float32"),
    }
    return weights(**{**inner, **more})


def test_plain_decoder():
    given = weights()
    ours = from_x_transformers(given, config())
    assert ours.keys() == XDecoderForCausalLM(config()).state_dict().keys()
    layers = "xdecoder.stack.layers."
    for name, expected in {
        "xdecoder.embeddings.word_embeddings.weight": given["token_emb.emb.weight"],
        layers + "0.pre_norm.weight": given[LAYER + "0.0.0.gamma"] + 1,
        layers + "1.ff.up_proj.weight": given[LAYER + "1.1.ff.0.0.weight"].T,
        layers + "1.ff.down_proj.bias": given[LAYER + "1.1.ff.2.bias"],
        "lm_head.weight": given["to_logits.weight"],
    }.items():
        np.testing.assert_array_equal(ours[name], expected)


def test_other_wrappings_give_the_same():
    plain = from_x_transformers(weights(), config())
    wrapped = {f"net.{name}": value for name, value in weights().items()}
    nested = {name.replace("1.1.ff", "1.1.fn.fn.ff"): value for name, value in weights().items()}
    for given in (wrapped, nested):
        ours = from_x_transformers(given, config())
        assert ours.keys() == plain.keys()
        assert all((ours[name] == plain[name]).all() for name in plain)


def test_gains_without_offset():
    given = weights()
    ours = from_x_transformers(given, config(), unit_offset=False)
    np.testing.assert_array_equal(ours["xdecoder.stack.final_norm.weight"], given["attn_layers.final_norm.gamma"])


def test_gated_unit_is_taken_apart():
    given = gated()
    ours = from_x_transformers(given, config(ff_glu=True))
    both = given[LAYER + "1.1.ff.0.proj.weight"]
    np.testing.assert_array_equal(ours["xdecoder.stack.layers.1.ff.up_proj.weight"], both[:32].T)
    np.testing.assert_array_equal(ours["xdecoder.stack.layers.1.ff.gate_proj.weight"], both[32:].T)
    bias = given[LAYER + "1.1.ff.0.proj.bias"]
    np.testing.assert_array_equal(ours["xdecoder.stack.layers.1.ff.gate_proj.bias"], bias[32:])


def test_gated_unit_without_bias_keeps_its_first_one():
    given = gated(**{LAYER + "1.1.ff.2.bias": None})
    with pytest.raises(CheckpointError, match=r"ff\.0\.proj\.bias is not zero.*set ff_no_bias=False"):
        from_x_transformers(given, config(ff_glu=True, ff_no_bias=True))
    ours = from_x_transformers(given, config(ff_glu=True))
    assert not ours["xdecoder.stack.layers.1.ff.down_proj.bias"].any()
    given[LAYER + "1.1.ff.0.proj.bias"][:] = 0
    ours = from_x_transformers(given, config(ff_glu=True, ff_no_bias=True))
    assert not any(name.endswith("ff.up_proj.bias") for name in ours)


def test_a_norm_inside_the_feed_forward_layer_has_no_offset():
    inner = {LAYER + "1.1.ff.1.gamma": np.full(32, 0.5, "float32"), LAYER + "1.1.ff.3.weight": np.ones((8, 32))}
    moved = {LAYER + "1.1.ff.3.bias": np.ones(8), LAYER + "1.1.ff.2.weight": None, LAYER + "1.1.ff.2.bias": None}
    normed = config(ff_post_act_ln=True)
    ours = from_x_transformers(weights(**inner, **moved), normed)
    assert ours.keys() == XDecoderForCausalLM(normed).state_dict().keys()
    assert (ours["xdecoder.stack.layers.1.ff.inner_norm.weight"] == 0.5).all()
    assert ours["xdecoder.stack.layers.1.ff.down_proj.weight"].shape == (32, 8)


def test_gated_and_scaled_residuals():
    cell = {"weight_ih": (24, 8), "weight_hh": (24, 8), "bias_ih": (24,), "bias_hh": (24,)}
    added = {f"{LAYER}{i}.2.gru.{name}": np.random.rand(*shape) for i in (0, 1) for name, shape in cell.items()}
    added |= {f"{LAYER}{i}.2.residual_scale": np.full(8, 2.0) for i in (0, 1)}
    gated_residual = config(gate_residual=True, scale_residual=True)
    ours = from_x_transformers(weights(**added), gated_residual)
    assert ours.keys() == XDecoderForCausalLM(gated_residual).state_dict().keys()
    for name in cell:
        np.testing.assert_array_equal(
            ours[f"xdecoder.stack.layers.1.connection.gru.{name}"], added[f"{LAYER}1.2.gru.{name}"]
        )
    assert (ours["xdecoder.stack.layers.0.connection.residual_scale"] == 2).all()


def test_tied_head_is_the_embedding():
    tied = config(tie_word_embeddings=True)
    ours = from_x_transformers(weights(**{"to_logits.weight": None}), tied)
    np.testing.assert_array_equal(ours["lm_head.weight"], ours["xdecoder.embeddings.word_embeddings.weight"])
    with pytest.raises(CheckpointError, match=r"to_logits\.weight.*set tie_word_embeddings=False"):
        from_x_transformers(weights(), tied)


def test_a_single_head_has_an_identity_behind_it():
    ours = from_x_transformers(weights(**{LAYER + "0.1.to_out.weight": None}), config(heads=1, attn_dim_head=8))
    np.testing.assert_array_equal(ours["xdecoder.stack.layers.0.attn.o_proj.weight"], np.eye(8))


def test_types_are_kept():
    halves = {name: value.astype("float16") for name, value in weights().items()}
    assert {value.dtype.name for value in from_x_transformers(halves, config()).values()} == {"float16"}


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"cls_token": np.zeros(8)}, r"^the weights hold cls_token, for which this model has no place"),
        ({f"odd.{i}": np.zeros(1) for i in range(10)}, r"odd\.0, odd\.1, .* and 2 more, for which"),
        ({LAYER + "7.0.0.gamma": np.zeros(8)}, r"layers\.7\.0\.0\.gamma, but the configuration builds 2 layers"),
        ({LAYER + "1.1.to_q.weight": np.zeros((8, 8))}, r"to_q\.weight, but layer 1 .* feed-forward layer"),
        ({LAYER + "0.1.ff.2.bias": np.zeros(8)}, r"ff\.2\.bias, but layer 0 .* self attention layer"),
        ({LAYER + "1.1.ff.0.proj.weight": np.zeros((64, 8))}, r"ff\.0\.proj\.weight and another array for .*up_proj"),
        ({LAYER + "1.1.ff.0.proj.weight": np.zeros((63, 8))}, r"proj\.weight has shape \[63, 8\].*must be even"),
        ({"attn_layers.rotary_pos_emb.inv_freq": np.ones(1)}, r"inv_freq, but rotary_pos_emb=False"),
        ({"memory_tokens": np.zeros((2, 8), dtype="int64")}, r"memory_tokens has dtype int64"),
        ({"memory_tokens": [[0.0], [0.0, 1.0]]}, r"memory_tokens cannot be read as a numpy array"),
    ],
)
def test_weights_that_have_no_place(extra, sentence):
    with pytest.raises(CheckpointError, match=sentence):
        from_x_transformers(weights(**extra), config())


def test_rotary_frequencies_are_checked():
    name = "attn_layers.rotary_pos_emb.inv_freq"
    rotary = {"rotary_pos_emb": True, "rotary_emb_dim": 4}
    given = weights(**{"pos_emb.emb.weight": None, name: np.array([1.0, 0.01])})
    assert not any("rotary" in key for key in from_x_transformers(given, config(**rotary)))
    for wrong in ({"rotary_base": 500.0}, {"rotary_emb_dim": 2}):
        with pytest.raises(CheckpointError, match=r"2 frequencies down to 0\.01, but rotary_emb_dim=. and rotary_base"):
            from_x_transformers(given, config(**rotary | wrong))


def test_a_model_takes_all_or_nothing():
    model = XDecoderForCausalLM(config())
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    wrong = {
        r"nothing for lm_head\.weight;": weights(**{"to_logits.weight": None}),
        r"no place for xdecoder\.memory_tokens\.weight;": weights(memory_tokens=np.zeros((1, 8))),
        r"position_embeddings\.weight has shape \[9, 8\] instead of \[6, 8\]": weights(
            **{"pos_emb.emb.weight": np.zeros((9, 8))}
        ),
    }
    for sentence, given in wrong.items():
        with pytest.raises(CheckpointError, match=sentence):
            load_x_transformers(model, given)
        assert all((model.state_dict()[name].numpy() == value).all() for name, value in before.items())
    load_x_transformers(model, weights())
    assert not all((model.state_dict()[name].numpy() == value).all() for name, value in before.items())


def test_models_of_other_types_and_without_a_head():
    base = XDecoderModel(config())
    base.to(dtype="bfloat16")
    given = weights()
    load_x_transformers(base, given)
    table = base.embeddings.word_embeddings.weight
    assert table.dtype == paddle.bfloat16
    np.testing.assert_allclose(table.astype("float32").numpy(), given["token_emb.emb.weight"], rtol=1e-2)


def test_converting_needs_neither_paddle_nor_torch():
    code = "import sys, paddle_xformers.convert; sys.exit('paddle' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
