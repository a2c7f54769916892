"""What a forward gives back: which values, in which order and of which shape."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import XDecoderConfig
from paddle_xformers.models.outputs import XCausalLMOutput, XModelOutput

from ..contracts.cases import CONTEXT_LENGTH, SMALL, build, extras, tokens

EVERYTHING = {
    "use_cache": True,
    "return_mems": True,
    "output_attentions": True,
    "output_hidden_states": True,
}
ORDER = (
    "loss",
    "logits",
    "past_key_values",
    "hidden_states",
    "attentions",
    "cross_attentions",
    "mems",
)
SHAPES = {
    "default": {},
    "memory tokens": {"num_memory_tokens": 3},
    "macaron": {"macaron": True},
    "attention only": {"only_attn": True},
    "tied layers": {"weight_tie_layers": True, "depth": 3},
    "streams": {"residual": "hyper", "num_residual_streams": 2},
    "post norm": {"norm_placement": "post"},
    "grouped": {"attn_kv_heads": 2, "rotary_pos_emb": True},
}


def test_embeddings_in_place_of_ids():
    for fields in ({}, {"emb_dim": 16, "post_emb_norm": True}, {"num_memory_tokens": 2, "rotary_pos_emb": True}):
        model, ids = build(fields), tokens()
        embeds = model.get_input_embeddings()(ids)
        mask = paddle.ones_like(ids)
        mask[0, :3] = 0
        for given in (None, mask):
            expected = model(ids, attention_mask=given)
            found = model(inputs_embeds=embeds, attention_mask=given)
            np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_embeddings_in_place_of_ids_with_a_cache():
    model, ids = build({"rotary_pos_emb": True}), tokens()
    cache = model(inputs_embeds=model.get_input_embeddings()(ids[:, :9]), use_cache=True)[1]
    found = model(inputs_embeds=model.get_input_embeddings()(ids[:, 9:]), past_key_values=cache)
    np.testing.assert_allclose(found.numpy(), model(ids)[:, 9:].numpy(), atol=1e-5)


def test_gradient_reaches_given_embeddings():
    model = build({})
    embeds = model.get_input_embeddings()(tokens()).detach()
    embeds.stop_gradient = False
    model(inputs_embeds=embeds, labels=tokens())[0].backward()
    assert (np.abs(embeds.grad.numpy()).max(-1) > 0)[:, :-1].all()


def test_logits_alone_are_the_bare_tensor():
    model = build({})
    logits = model(tokens())
    assert isinstance(logits, paddle.Tensor) and logits.shape == [2, 14, 37]
    (hidden,) = model.xdecoder(tokens())
    assert hidden.shape == [2, 14, 32]


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize(
    "asked",
    [{}, {"use_cache": True}, {"output_attentions": True}, {"output_hidden_states": True}, {"return_mems": True}],
    ids=lambda asked: "".join(asked) or "nothing more",
)
def test_tuples_hold_the_values_of_the_dict_in_order(asked, labelled):
    model = build({"max_mem_len": 4, "cross_attend": True})
    more = {**extras(model), **asked, **({"labels": tokens()} if labelled else {})}
    named = model(tokens(), return_dict=True, **more)
    plain = model(tokens(), return_dict=False, **more)
    assert isinstance(named, XCausalLMOutput)
    assert list(named.keys()) == [name for name in ORDER if name in named]
    values = named.to_tuple()
    if len(values) == 1:
        plain = (plain,)
    assert len(plain) == len(values)
    for found, expected in zip(paddle.utils.flatten(plain), paddle.utils.flatten(values), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert ("loss" in named) == labelled
    assert plain[1 if labelled else 0].shape == [2, 14, 37]


def test_everything_at_once():
    model = build({"max_mem_len": 4, "cross_attend": True})
    named = model(tokens(), labels=tokens(), return_dict=True, **EVERYTHING, **extras(model))
    assert tuple(named.keys()) == ORDER
    assert named.loss.shape == []
    base = model.xdecoder(tokens(), return_dict=True, **EVERYTHING, **extras(model))
    assert isinstance(base, XModelOutput)
    assert tuple(base.keys()) == ("last_hidden_state", *ORDER[2:])


def test_configuration_gives_the_defaults_of_what_is_returned():
    asked = {"return_dict": True, "use_cache": True, "output_attentions": True, "output_hidden_states": True}
    model = build({}, **asked)
    assert tuple(model(tokens()).keys()) == ("logits", "past_key_values", "hidden_states", "attentions")
    off = dict.fromkeys(asked, False)
    assert isinstance(model(tokens(), **off), paddle.Tensor)


@pytest.mark.parametrize("fields", SHAPES.values(), ids=SHAPES)
def test_hidden_states_and_attentions(fields):
    model, ids = build(fields), tokens()
    depth = model.config.depth
    output = model(ids, return_dict=True, output_attentions=True, output_hidden_states=True)
    assert [list(state.shape) for state in output.hidden_states] == [[2, 14, 32]] * (depth + 1)
    assert [list(weights.shape) for weights in output.attentions] == [[2, 4, 14, 14]] * depth
    last = model.xdecoder(ids)[0]
    np.testing.assert_allclose(output.hidden_states[-1].numpy(), last.numpy(), atol=1e-5)
    np.testing.assert_array_equal(model.lm_head(output.hidden_states[-1]).numpy(), output.logits.numpy())
    for weights in output.attentions:
        sums = weights.sum(-1).numpy()
        if model.config.num_memory_tokens:
            assert (sums < 1).all()  # the rest went to memory
        else:
            np.testing.assert_allclose(sums, 1, atol=1e-5)
        assert np.triu(weights.numpy(), 1).max() < 1e-20
    plain = model(ids)
    np.testing.assert_allclose(output.logits.numpy(), plain.numpy(), atol=1e-5)


def test_the_first_hidden_state_is_the_embedded_input():
    model, ids = build({"rotary_pos_emb": True, "num_memory_tokens": 2}), tokens()
    first = model(ids, return_dict=True, output_hidden_states=True).hidden_states[0]
    np.testing.assert_array_equal(first.numpy(), model.get_input_embeddings()(ids).numpy())


@pytest.mark.parametrize("memory", [0, 3])
def test_attentions_with_a_cache_cover_past_and_new_tokens(memory):
    model, ids = build({"num_memory_tokens": memory}), tokens()
    whole = model(ids, output_attentions=True, return_dict=True).attentions
    cache = model(ids[:, :9], use_cache=True)[1]
    later = model(
        ids[:, 9:], past_key_values=cache, output_attentions=True, output_hidden_states=True, return_dict=True
    )
    assert [list(state.shape) for state in later.hidden_states] == [[2, 5, 32]] * 3
    for found, expected in zip(later.attentions, whole, strict=True):
        assert found.shape == [2, 4, 5, 14]
        np.testing.assert_allclose(found.numpy(), expected.numpy()[:, :, 9:], atol=1e-5)


@pytest.mark.parametrize("memory", [0, 3])
def test_cross_attentions(memory):
    model = build({"cross_attend": True, "num_memory_tokens": memory})
    context = extras(model)["encoder_hidden_states"]
    mask = paddle.ones([2, CONTEXT_LENGTH], dtype="int64")
    mask[1, 4:] = 0
    output = model(
        tokens(),
        encoder_hidden_states=context,
        encoder_attention_mask=mask,
        output_attentions=True,
        use_cache=True,
        return_dict=True,
    )
    assert [list(weights.shape) for weights in output.attentions] == [[2, 4, 14, 14]] * 2
    assert [list(weights.shape) for weights in output.cross_attentions] == [[2, 4, 14, CONTEXT_LENGTH]] * 2
    for weights in output.cross_attentions:
        np.testing.assert_allclose(weights.sum(-1).numpy(), 1, atol=1e-5)
        assert weights[1, :, :, 4:].max() < 1e-20
    step = model(
        tokens()[:, :1],
        past_key_values=output.past_key_values,
        encoder_attention_mask=mask,
        output_attentions=True,
        return_dict=True,
    )
    assert [list(weights.shape) for weights in step.cross_attentions] == [[2, 4, 1, CONTEXT_LENGTH]] * 2
    assert max(float(weights[1, :, :, 4:].max()) for weights in step.cross_attentions) < 1e-20


@pytest.mark.parametrize("fields", [{}, {"rotary_pos_emb": True}, {"position_bias": "alibi"}, {"position_bias": "t5"}])
def test_positions_given_equal_the_default(fields):
    model, ids = build(fields), tokens()
    expected = model(ids).numpy()
    row = paddle.arange(14)
    for given in (row, row.unsqueeze(0), row.unsqueeze(0).expand([2, 14]), row.astype("int32")):
        np.testing.assert_array_equal(model(ids, position_ids=given).numpy(), expected)
    shifted = model(ids, position_ids=row + 5).numpy()
    if fields:
        if not model.config.position_bias == "alibi":
            np.testing.assert_allclose(shifted, expected, atol=1e-4)
    else:
        assert np.abs(shifted - expected).max() > 1e-3


def test_positions_with_a_cache():
    model, ids = build({}), tokens()
    cache = model(ids[:, :9], use_cache=True)[1]
    places = paddle.arange(9, 14).unsqueeze(0)
    found = model(ids[:, 9:], past_key_values=cache, position_ids=places)
    np.testing.assert_allclose(found.numpy(), model(ids)[:, 9:].numpy(), atol=1e-5)


def test_evaluation_repeats_and_training_draws():
    model = build({"attn_dropout": 0.3, "ff_dropout": 0.3, "emb_dropout": 0.3, "layer_dropout": 0.3})
    first = model(tokens()).numpy()
    np.testing.assert_array_equal(model(tokens()).numpy(), first)
    model.train()
    drawn = [model(tokens()).numpy() for _ in range(3)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    assert np.abs(drawn[0] - first).max() > 1e-3
    model.eval()
    np.testing.assert_array_equal(model(tokens()).numpy(), first)


def test_recompute_is_switched_on_and_off(monkeypatch):
    import paddle.distributed.fleet.utils as fleet

    calls = []
    original = fleet.recompute
    monkeypatch.setattr(fleet, "recompute", lambda layer, *a, **k: (calls.append(layer), original(layer, *a, **k))[1])
    model = build({})
    model.train()
    ids = tokens()

    def layers_recomputed() -> int:
        calls.clear()
        model(ids, labels=ids)[0].backward()
        model.clear_gradients()
        return len(calls)

    assert layers_recomputed() == 0
    model.recompute_enable()
    assert layers_recomputed() == 4
    model.recompute_disable()
    assert layers_recomputed() == 0
    model.recompute_enable()
    model.eval()
    assert layers_recomputed() == 0


@pytest.mark.parametrize("foreign, own", XDecoderConfig.attribute_map.items())
def test_names_of_paddlenlp_and_ours_are_one(foreign, own):
    config = XDecoderConfig(**{**SMALL, own: 7})
    assert getattr(config, foreign) == getattr(config, own) == config[foreign] == 7
    setattr(config, foreign, 5)
    assert getattr(config, own) == 5
    assert getattr(XDecoderConfig(**{foreign: 3}), own) == 3


def test_the_cache_is_no_part_of_predictions():
    assert set(XDecoderConfig().keys_to_ignore_at_inference) == {"past_key_values", "mems"}
    assert set(XDecoderConfig().keys_to_ignore_at_inference) <= set(XCausalLMOutput.__dataclass_fields__)
