"""AutoregressiveWrapper: the loss, and generation."""

from __future__ import annotations

import re

import numpy as np
import paddle
import pytest
from paddle.nn import functional as F

from paddle_xformers import AutoregressiveWrapper, ConfigError, InputError

from .small import encoder_model, language_model, tokens, without_gradient


@pytest.fixture
def wrapped() -> AutoregressiveWrapper:
    model = language_model(rotary_pos_emb=True)
    for parameter in model.parameters():
        parameter.set_value(paddle.randn(parameter.shape) * 0.3)
    return AutoregressiveWrapper(model)


def likeliest(logits: paddle.Tensor) -> paddle.Tensor:
    """A filter that keeps the most likely token."""
    return paddle.where(logits == logits.max(-1, keepdim=True), logits, paddle.full_like(logits, -float("inf")))


def test_the_loss_is_that_of_every_next_token(wrapped):
    x = tokens(n=10)
    logits = wrapped.net(x[:, :-1])
    expected = F.cross_entropy(logits.reshape([-1, 50]), x[:, 1:].reshape([-1]))
    assert float(wrapped(x)) == pytest.approx(float(expected), rel=1e-5)


def test_one_token_more_than_the_model_reads(wrapped):
    wrapped(tokens(n=25)).backward()
    assert without_gradient(wrapped) == []


def test_ids_to_ignore(wrapped):
    x = tokens(n=10)
    x[0, 6:] = -100
    logits = wrapped.net(paddle.where(x < 0, paddle.zeros_like(x), x)[:, :-1])
    rows = F.cross_entropy(logits, x[:, 1:].clip(min=0), reduction="none").squeeze(-1)
    kept = (x[:, 1:] >= 0).astype("float32")
    assert float(wrapped(x)) == pytest.approx(float((rows * kept).sum() / kept.sum()), rel=1e-5)
    other = AutoregressiveWrapper(wrapped.net, ignore_index=49, pad_value=3)
    y = tokens(n=10).clip(max=48)
    y[0, 6:] = 49
    logits = other.net(paddle.where(y == 49, paddle.full_like(y, 3), y)[:, :-1])
    rows = F.cross_entropy(logits, y[:, 1:], reduction="none").squeeze(-1)
    kept = (y[:, 1:] != 49).astype("float32")
    assert float(other(y)) == pytest.approx(float((rows * kept).sum() / kept.sum()), rel=1e-5)


def test_a_mask_may_cover_the_last_token_or_not(wrapped):
    x = tokens(n=10)
    mask = paddle.arange(10).expand([2, 10]) < 7
    assert float(wrapped(x, mask=mask)) == float(wrapped(x, mask=mask[:, :-1]))
    square = paddle.ones([10, 10], dtype="bool")
    assert float(wrapped(x, attn_mask=square, pos=paddle.arange(10))) == pytest.approx(float(wrapped(x)), rel=1e-5)


def test_hidden_tokens_change_the_loss_in_training_only():
    hiding = AutoregressiveWrapper(language_model(), mask_prob=0.5)
    x = tokens(n=10)
    hiding.eval()
    assert float(hiding(x)) == float(AutoregressiveWrapper(hiding.net)(x))
    hiding.train()
    assert len({float(hiding(x)) for _ in range(4)}) > 1
    for _ in range(10):
        seen = hiding._hidden(x, None)
        assert seen.sum(-1).tolist() == [5, 5]
        assert seen[:, 0].all(), "the first token is never hidden"


def test_generation_is_greedy_at_temperature_zero(wrapped):
    x = tokens(n=6)
    ids = x
    for _ in range(5):
        ids = paddle.concat([ids, wrapped.net(ids)[:, -1:].argmax(-1)], axis=1)
    for cache in (True, False):
        np.testing.assert_array_equal(
            wrapped.generate(x, 5, temperature=0.0, cache_kv=cache).numpy(), ids[:, 6:].numpy()
        )
    single = wrapped.generate(x[1], 5, temperature=0.0)
    np.testing.assert_array_equal(single.numpy(), ids[1, 6:].numpy())


@pytest.mark.parametrize(
    "settings",
    [
        {"filter_logits_fn": "top_k", "filter_kwargs": {"k": 1}},
        {"filter_logits_fn": "top_k", "filter_thres": 0.99},
        {"filter_logits_fn": "top_k", "filter_kwargs": {"frac_num_tokens": 0.02}},
        {"filter_logits_fn": "top_p", "filter_kwargs": {"thres": 1e-6}},
        {"filter_logits_fn": "top_p", "filter_thres": 0.999999},
        {"filter_logits_fn": likeliest},
        {"temperature": 1e-4},
    ],
)
def test_filters_that_leave_one_token_are_greedy(wrapped, settings):
    x = tokens(n=6)
    expected = wrapped.generate(x, 5, temperature=0.0).numpy()
    np.testing.assert_array_equal(wrapped.generate(x, 5, **settings).numpy(), expected)


def test_sampling_keeps_a_tenth_of_the_tokens(wrapped):
    x = tokens(b=1, n=6)
    best = set(wrapped.net(x)[0, -1].topk(5).indices.tolist())
    drawn = {int(wrapped.generate(x, 1, temperature=9.0)[0, 0]) for _ in range(60)}
    assert drawn <= best
    assert len(drawn) > 2


def test_a_row_ends_with_its_end_token(wrapped):
    x = tokens(n=6)
    free = wrapped.generate(x, 8, temperature=0.0).numpy()
    end = int(free[0, 2])
    wrapped.pad_value = 7
    stopped = wrapped.generate(x, 8, eos_token=end, temperature=0.0).numpy()
    for row, whole in zip(stopped, free, strict=True):
        places = np.flatnonzero(whole == end)
        length = places[0] + 1 if places.size else len(whole)
        np.testing.assert_array_equal(row[:length], whole[:length][: len(row)])
        assert (row[length:] == 7).all()


def test_prompts_hold_the_padding_id_as_a_token(wrapped):
    x = tokens(b=8, n=4)
    x[:, 1:3] = 0
    whole = wrapped.net(x)[:, -1].argmax(-1).numpy()
    hidden = wrapped.net(x, mask=x != 0)[:, -1].argmax(-1).numpy()
    assert (whole != hidden).any()
    np.testing.assert_array_equal(wrapped.generate(x, 1, temperature=0.0)[:, 0].numpy(), whole)


def test_prompts_of_different_lengths(wrapped):
    x = tokens(n=6)
    alone = [wrapped.generate(prompt, 4, temperature=0.0).numpy() for prompt in (x[0], x[1, :3])]
    together = wrapped.generate([x[0], x[1, :3]], 4, temperature=0.0).numpy()
    np.testing.assert_array_equal(together, np.stack(alone))
    lengths = paddle.to_tensor([6, 3])
    np.testing.assert_array_equal(wrapped.generate(x, 4, prompt_lens=lengths, temperature=0.0).numpy(), together)


def test_context_and_mems_reach_generation():
    model = AutoregressiveWrapper(language_model(around={"max_mem_len": 8}, cross_attend=True, rotary_pos_emb=True))
    x, context = tokens(n=6), paddle.randn([2, 5, 32])
    mask = paddle.to_tensor([[True] * 5, [True, True, False, False, False]])
    _, mems = model.net(x, context=context, context_mask=mask, return_mems=True)
    given = {"context": context, "context_mask": mask, "mems": mems}
    expected = model.net(x, **given)[:, -1].argmax(-1).numpy()
    np.testing.assert_array_equal(model.generate(x, 3, temperature=0.0, **given)[:, 0].numpy(), expected)


def test_what_is_put_into_layers_reaches_loss_and_generation():
    """Of each token, those to come as well; the loss leaves out that of the last one, which is only a target."""
    model = AutoregressiveWrapper(language_model(learned_reinject_input_gate=True, rotary_pos_emb=True))
    x, added = tokens(n=6), paddle.randn([2, 9, 32]) * 3
    given = {"in_attn_cond": added, "self_attn_kv_residuals": paddle.randn([2, 9, 32]) * 3}
    whole = x
    for n in range(6, 9):
        logits = model.net(whole, **{name: value[:, :n] for name, value in given.items()})
        whole = paddle.concat([whole, logits[:, -1:].argmax(-1)], axis=1)
    for cached in (True, False):
        found = model.generate(x, 3, temperature=0.0, cache_kv=cached, **given)
        np.testing.assert_array_equal(found.numpy(), whole[:, 6:].numpy())
    model.eval()
    covered = {name: value[:, :6] for name, value in given.items()}
    cut = {name: value[:, :5] for name, value in given.items()}
    assert float(model(x, **covered)) == pytest.approx(float(model(x, **cut)), rel=1e-6)
    with pytest.raises(InputError, match="in_attn_cond is missing"):
        model.generate(x, 3)


def test_generation_leaves_the_training_mode_as_it_was(wrapped):
    wrapped.train()
    wrapped.generate(tokens(n=6), 2)
    assert wrapped.net.training
    with pytest.raises(InputError):
        wrapped.generate(tokens(n=6), 99)
    assert wrapped.net.training


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"filter_logits_fn": "top_a"}, "filter_logits_fn='top_a' is not allowed; give 'top_k', 'top_p' or a function"),
        ({"filter_kwargs": {"p": 1}}, "filter_kwargs={'p': 1} has no effect on top_k"),
        ({"filter_thres": 0.5, "filter_kwargs": {"k": 1}}, "filter_thres and filter_kwargs exclude each other"),
        ({"temperature": -1.0}, "temperature=-1.0 is not allowed"),
        ({"amateur_model": 1}, "generate does not take amateur_model"),
        ({"seqlen": 1}, "generate has no argument 'seqlen'; did you mean 'seq_len'"),
    ],
)
def test_settings_that_are_refused(wrapped, settings, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        wrapped.generate(tokens(n=6), 2, **settings)


def test_only_language_models_are_taken():
    for net in (encoder_model(), paddle.nn.Linear(2, 2)):
        with pytest.raises(ConfigError, match="must predict next tokens"):
            AutoregressiveWrapper(net)
    with pytest.raises(ConfigError, match="mask_prob=1"):
        AutoregressiveWrapper(language_model(), mask_prob=1)
