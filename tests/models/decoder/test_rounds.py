"""Recycled and looped stacks: how often they run, what learns, which loop counts, and the cache of all runs."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    ConfigError,
    Decoder,
    InputError,
    TransformerWrapper,
    XDecoderConfig,
    XDecoderForSequenceClassification,
    XDecoderModel,
)
from paddle_xformers.models.losses import IGNORED
from paddle_xformers.nn.calls import StackCall

from ...contracts.cases import SMALL, build, extras, tokens

RECYCLED = {"recycling": True}
LOOPED = {"looped": True, "max_looped_steps": 3}
# What else keeps state, acts on positions, or stands in front of the tokens.
TOGETHER = [
    {"max_attend_past": 5, "attn_kv_heads": 2, "rotary_pos_emb": True},
    {"num_memory_tokens": 3, "attn_num_mem_kv": 2, "position_bias": "alibi"},
    {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 3, "rotary_pos_emb": True},
    {"residual": "hyper", "num_residual_streams": 2, "shift_tokens": 1},
    {"cross_attend": True, "residual_attn": True, "prefix_lm": True},
    {"reinject_input": True, "add_value_residual": True, "unet_skips": True},
    {"layers_execute_order": [0, 1, 0, 1], "norm_placement": "post"},
]


def states_of(model, ids, **given):
    output = model.base_model(ids, return_dict=True, **given)
    return output.last_hidden_state.numpy(), output


def reference_runs(model, ids, count, begin):
    """The stack as it stands, called by hand."""
    base = model.base_model
    positions = paddle.arange(ids.shape[1]).unsqueeze(0)
    x = base.embeddings(ids, positions, None)
    given = []
    for _ in range(count):
        given.append(base.stack(begin(base, x, given), positions, StackCall()).hidden)
    return [states.numpy() for states in given]


def recycled(base, x, given):
    return x + paddle.to_tensor(given[-1].numpy() @ base.recycled_proj.weight.numpy()) if given else x


def looped(base, x, given):
    return given[-1] if given else x


@pytest.mark.parametrize("steps", [1, 3])
def test_runs_are_those_of_the_papers(steps):
    ids = tokens()
    model = build({**RECYCLED, "rotary_pos_emb": True})
    found, _ = states_of(model, ids, recycle_steps=steps)
    np.testing.assert_allclose(found, reference_runs(model, ids, steps, recycled)[-1], atol=1e-5)
    model = build({**LOOPED, "rotary_pos_emb": True})
    found, output = states_of(model, ids, looped_steps=steps)
    expected = reference_runs(model, ids, steps, looped)
    np.testing.assert_allclose(found, expected[-1], atol=1e-5)
    assert len(output.loop_states) == steps
    for states, own in zip(output.loop_states, expected, strict=True):
        np.testing.assert_allclose(states.numpy(), own, atol=1e-5)
    gate = model.base_model.exit_gate.weight.numpy()
    np.testing.assert_allclose(
        output.exit_logits.numpy(), np.concatenate(expected, -1).reshape(2, 14, steps, 32) @ gate[:, 0], atol=1e-5
    )


def test_only_the_last_recycled_run_learns():
    model, ids = build(RECYCLED), tokens()
    seen = []
    model.base_model.recycled_proj.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].stop_gradient))
    model(ids, labels=ids, recycle_steps=3)[0].backward()
    assert seen == [True, True]
    whole = model.base_model.stack.layers[0].attn.q_proj.weight.grad.numpy()
    assert np.abs(whole).max() > 0
    # With what two runs gave as a constant, one run has the same gradient.
    model.clear_gradients()
    two = paddle.to_tensor(states_of(model, ids, recycle_steps=2)[0])
    embeds = model.base_model.embeddings.word_embeddings(ids)
    model.base_model.run_stack = lambda x, places, call: model.base_model.stack(
        x + model.base_model.recycled_proj(two), places, call
    )
    model(inputs_embeds=embeds, labels=ids, recycle_steps=1)[0].backward()
    np.testing.assert_allclose(model.base_model.stack.layers[0].attn.q_proj.weight.grad.numpy(), whole, atol=1e-5)


def test_training_draws_how_often_by_paddles_seed():
    model, ids = build({**RECYCLED, "train_max_recycle_steps": 3}), tokens()
    each = [states_of(model, ids, recycle_steps=steps)[0] for steps in (1, 2, 3)]
    np.testing.assert_array_equal(states_of(model, ids)[0], each[-1])
    model.train()
    found = []
    for _ in range(2):
        paddle.seed(5)
        runs = [states_of(model, ids)[0] for _ in range(40)]
        found.append([next(at for at, one in enumerate(each) if np.allclose(one, run, atol=1e-6)) for run in runs])
    assert found[0] == found[1]
    counts = np.bincount(found[0], minlength=3)
    assert counts.min() >= 6
    np.testing.assert_array_equal(states_of(model, ids, recycle_steps=2)[0], each[1])


@pytest.mark.parametrize("rounds", [RECYCLED, LOOPED, {**LOOPED, "looped_exit_prob_threshold": 0.6}], ids=str)
@pytest.mark.parametrize("more", TOGETHER, ids=str)
@pytest.mark.parametrize("steps", [None, 1, 2])
def test_the_cache_holds_every_run(rounds, more, steps):
    model, ids = build({**rounds, **more}), tokens()
    name = "recycle_steps" if "recycling" in rounds else "looped_steps"
    given = {**extras(model), name: steps}
    whole = model(ids, return_dict=True, **given).logits.numpy()
    first = model(ids[:, :6], use_cache=True, return_dict=True, **given)
    # How often is known from the cache.
    second = model(
        ids[:, 6:7], use_cache=True, return_dict=True, past_key_values=first.past_key_values, **extras(model)
    )
    third = model(ids[:, 7:], return_dict=True, past_key_values=second.past_key_values, **given)
    found = np.concatenate([output.logits.numpy() for output in (first, second, third)], 1)
    np.testing.assert_allclose(found, whole, atol=1e-4)


@pytest.mark.parametrize("rounds", [RECYCLED, LOOPED], ids=str)
@pytest.mark.parametrize("cached", [True, False])
def test_generation_runs_as_often_as_asked(rounds, cached):
    model, ids = build(rounds), tokens(n=5)
    name = "recycle_steps" if "recycling" in rounds else "looped_steps"
    for steps in (1, 2):
        expected = ids
        for _ in range(6):
            last = model(expected, **{name: steps})[:, -1].argmax(-1, keepdim=True)
            expected = paddle.concat([expected, last], axis=1)
        found, _ = model.generate(ids, max_new_tokens=6, eos_token_id=None, use_cache=cached, **{name: steps})
        np.testing.assert_array_equal(found.numpy(), expected[:, 5:].numpy())


def test_mems_of_loops_are_read_by_the_same_loops():
    """With room for all, two segments are one."""
    model, ids = build({**LOOPED, "max_mem_len": 20, "rotary_pos_emb": True}), tokens()
    whole = model(ids).numpy()
    first = model(ids[:, :8], return_mems=True, return_dict=True)
    second = model(ids[:, 8:], mems=first.mems).numpy()
    np.testing.assert_allclose(second, whole[:, 8:], atol=1e-5)
    with pytest.raises(InputError, match="mems holds the states of 6 layers, but this model runs 4 self"):
        model(ids[:, 8:], mems=first.mems, looped_steps=2)


def test_each_token_takes_the_loop_that_it_stops_after():
    model, ids = build({**LOOPED, "looped_exit_prob_threshold": 0.6}), tokens()
    model.base_model.exit_gate.weight.set_value(model.base_model.exit_gate.weight * 3)
    found, output = states_of(model, ids, output_hidden_states=True)
    gates = 1 / (1 + np.exp(-output.exit_logits.numpy().astype("float64")))
    chosen = set()
    for row, place in np.ndindex(2, 14):
        left = np.cumprod(1 - gates[row, place])
        loop = int(np.argmax(np.append(1 - left[:-1], 1.0) >= 0.6))
        chosen.add(loop)
        np.testing.assert_array_equal(found[row, place], output.loop_states[loop].numpy()[row, place])
    assert chosen == {0, 1, 2}
    np.testing.assert_array_equal(output.hidden_states[-1].numpy(), found)


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


@pytest.mark.parametrize(
    "fields",
    [{}, {"looped_loss_threshold_exit": 0.4}, {"looped_loss_slope": 2.0}, {"looped_exit_loss_weight": 0.3}],
    ids=str,
)
def test_the_loss_is_that_of_the_paper(fields):
    model, ids = build({**LOOPED, **fields}), tokens()
    labels = ids.clone()
    labels[0, 5] = IGNORED
    output = model(ids, labels=labels, looped_pred_all_logits=True, return_dict=True)
    logits = np.stack([each.numpy() for each in output.loop_logits], 2).astype("float64")[:, :-1]  # (b, n, loops, v)
    gates = output.exit_logits.numpy().astype("float64")[:, :-1]
    targets = labels.numpy()[:, 1:]
    known = targets != IGNORED
    scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    losses = -np.take_along_axis(scores, np.where(known, targets, 0)[:, :, None, None], axis=-1)[..., 0][known]
    gates = gates[known]  # (places, loops)
    stops = 1 / (1 + np.exp(-gates))
    shares = np.stack([stops[:, 0], (1 - stops[:, 0]) * stops[:, 1], (1 - stops[:, 0]) * (1 - stops[:, 1])], 1)
    config = model.config
    slope, threshold = config.looped_loss_slope, config.looped_loss_threshold_exit
    wanted = 1 / (1 + np.exp(-slope * (losses[:, 1:] - losses[:, :-1] + threshold)))
    gate = -(wanted * log_sigmoid(gates[:, :-1]) + (1 - wanted) * log_sigmoid(-gates[:, :-1])).mean()
    expected = (losses * shares).mean() + config.looped_exit_loss_weight * gate
    np.testing.assert_allclose(float(output.loss), expected, atol=1e-5)


def test_one_loop_has_the_usual_loss():
    model, ids = build({**LOOPED, "max_looped_steps": 1}), tokens()
    plain = build({})
    plain.set_state_dict({name: value for name, value in model.state_dict().items() if "exit_gate" not in name})
    np.testing.assert_allclose(float(model(ids, labels=ids)[0]), float(plain(ids, labels=ids)[0]), atol=1e-6)


def test_prepended_vectors_and_packed_rows_take_part_in_no_loss_of_others():
    model, ids = build(LOOPED), tokens(1, 9)
    alone = [float(model(ids[:, :4], labels=ids[:, :4])[0]), float(model(ids[:, 4:], labels=ids[:, 4:])[0])]
    packed = {"cu_seqlens_q": [0, 4, 9]}
    together = float(model(ids, labels=ids, flash_pack_seq_kwargs=packed)[0])
    np.testing.assert_allclose(together, (3 * alone[0] + 4 * alone[1]) / 7, atol=1e-5)
    vectors = paddle.ones([1, 2, 32])
    excised = model(ids, labels=ids, prepend_embeds=vectors)[0]
    kept = model(ids, labels=ids, prepend_embeds=vectors, excise_prepend_embeds=False)[0]
    np.testing.assert_allclose(float(kept), float(excised), atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "given", "sentence"),
    [
        (
            {},
            {"recycle_steps": 2},
            "recycle_steps has no effect while recycling=False; set it or leave the argument out",
        ),
        ({}, {"looped_steps": 2}, "looped_steps has no effect while looped=False; set it or leave the argument out"),
        (RECYCLED, {"looped_steps": 2}, "looped_steps has no effect while looped=False"),
        (RECYCLED, {"recycle_steps": 0}, "recycle_steps=0 is not allowed; give an int of at least 1"),
        (LOOPED, {"looped_steps": True}, "looped_steps=True is not allowed; give an int of at least 1"),
        ({}, {"looped_pred_all_logits": True}, "looped_pred_all_logits needs looped=True in the configuration"),
    ],
)
def test_what_has_no_effect_is_refused(fields, given, sentence):
    with pytest.raises(InputError, match=sentence):
        build(fields)(tokens(), **given)


def test_another_number_of_runs_than_the_cache_holds_is_refused():
    model, ids = build(LOOPED), tokens()
    cache = model(ids, use_cache=True, return_dict=True).past_key_values
    with pytest.raises(InputError, match="looped_steps=2, but past_key_values holds what 3 runs of the stack kept; "):
        model(ids[:, :1], past_key_values=cache, looped_steps=2)
    with pytest.raises(InputError, match=r"past_key_values holds \[2, 2, 2\] tensors"):
        build({})(ids[:, :1], past_key_values=(cache[0], *cache[1:4]))


def test_a_model_without_a_head_gives_the_loops():
    paddle.seed(0)
    model = XDecoderModel(XDecoderConfig(**SMALL, **LOOPED))
    model.eval()
    output = model(tokens(), return_dict=True)
    assert len(output.loop_states) == 3
    assert list(output.exit_logits.shape) == [2, 14, 3]


def test_a_classifier_leaves_the_gate_alone():
    """Its loss has no use for it: without a gradient it would keep ranks that train together waiting."""
    model = XDecoderForSequenceClassification(XDecoderConfig(**SMALL, **LOOPED))
    frozen = [name for name, parameter in model.named_parameters() if parameter.stop_gradient]
    assert frozen == ["xdecoder.exit_gate.weight"]
    model(tokens(), labels=paddle.to_tensor([0, 1]))[0].backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if name not in frozen)


def test_the_keyword_style():
    stack = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
    net = TransformerWrapper(num_tokens=37, max_seq_len=20, attn_layers=Decoder(**stack), recycling=True)
    net.eval()
    once, twice = net(tokens(), recycle_steps=1).numpy(), net(tokens(), recycle_steps=2).numpy()
    assert np.abs(once - twice).max() > 1e-3
    with pytest.raises(InputError, match="looped_pred_all_logits needs looped=True and a head"):
        net(tokens(), looped_pred_all_logits=True)
    with pytest.raises(InputError, match="TransformerWrapper does not take max_looped_steps: give looped_steps"):
        net(tokens(), max_looped_steps=2)
    with pytest.raises(ConfigError, match="looped=True exclude each other"):
        TransformerWrapper(num_tokens=37, max_seq_len=20, attn_layers=Decoder(**stack), recycling=True, looped=True)
