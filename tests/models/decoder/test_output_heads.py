"""The output heads of XDecoderForCausalLM: several, of numbers, mixtures, and that of the next embedding."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError, TransformerWrapper, XDecoderModel
from paddle_xformers.models.losses import next_token_loss, number_loss

from ...contracts.cases import build, tokens

HEADS = {"num_output_heads": 3}
NUMBER = {"logits_dim": 1, "squeeze_out_last_dim": True}
NEXT = {"add_continuous_pred_head": True}
# What x-transformers takes, and then fails on when embeddings are asked for.
CRASHED = [{"sigsoftmax_logits": True}, {"mixture_of_softmax": True}, NUMBER, {**HEADS, "sigsoftmax_logits": True}]


def reference_sigsoftmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits) / (1 + np.exp(-logits))
    return raised / raised.sum(-1, keepdims=True)


def numbers(model, *path):
    found = dict(model.named_parameters())
    return [found[name].numpy().astype("float64") for name in path]


def hidden_of(model, ids):
    return model.base_model(ids, return_dict=True).last_hidden_state.numpy().astype("float64")


def test_sigsoftmax_is_that_of_the_paper():
    model, ids = build({"sigsoftmax_logits": True}), tokens()
    (weight,) = numbers(model, "lm_head.weight")
    expected = reference_sigsoftmax(hidden_of(model, ids) @ weight.T)
    found = paddle.nn.functional.softmax(model(ids), axis=-1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("sigmoid", [False, True])
def test_a_mixture_of_softmaxes_is_that_of_the_paper(sigmoid):
    model, ids = build({"mixture_of_softmax": True, "mixture_of_softmax_k": 3, "sigsoftmax_logits": sigmoid}), tokens()
    names = ("lm_head.weight", "lm_head.mixture.states_proj.weight", "lm_head.mixture.shares_proj.weight")
    weight, states, shares = numbers(model, *names)
    hidden = hidden_of(model, ids)
    raised = np.exp(hidden @ shares)
    mixed = 0
    for index, own in enumerate(np.split(states, 3, axis=1)):
        scores = hidden @ own @ weight.T
        softmax = reference_sigsoftmax(scores) if sigmoid else np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        mixed = mixed + (raised / raised.sum(-1, keepdims=True))[..., index : index + 1] * softmax
    logits = model(ids)
    np.testing.assert_allclose(logits.numpy(), np.log(mixed), atol=1e-5)
    # They are logarithms of probabilities already, and the loss takes them as they are.
    loss, _ = model(ids, labels=ids)
    picked = np.take_along_axis(np.log(mixed)[:, :-1], ids.numpy()[:, 1:, None], axis=-1)
    np.testing.assert_allclose(float(loss), -picked.mean(), atol=1e-5)


def test_an_impossible_token_has_a_finite_logit_and_gradient():
    model, ids = build({"mixture_of_softmax": True}), tokens()
    with paddle.no_grad():
        model.lm_head.weight.set_value(model.lm_head.weight * 1000)
    loss, logits = model(ids, labels=ids)
    loss.backward()
    assert logits.numpy().min() < -60  # Paddle counts no further than 64
    assert np.isfinite(logits.numpy()).all()
    assert all(np.isfinite(p.grad.numpy()).all() for p in model.parameters())


def test_labels_for_all_heads_or_for_each():
    model, ids = build(HEADS), tokens()
    own = paddle.stack([tokens(seed=seed) for seed in (1, 2, 3)], axis=-1)  # (b, n, heads)
    output = model(ids, labels=own, return_dict=True)
    losses = [float(next_token_loss(logits, own[..., i])) for i, logits in enumerate(output.head_logits)]
    np.testing.assert_allclose(float(output.loss), np.mean(losses), atol=1e-6)
    same = model(ids, labels=ids, return_dict=True).loss
    repeated = model(ids, labels=ids.unsqueeze(-1).expand([-1, -1, 3]), return_dict=True).loss
    np.testing.assert_allclose(float(same), float(repeated), atol=1e-6)
    with pytest.raises(InputError, match=r"labels has shape \[2, 14, 2\], but num_output_heads=3; give "):
        model(ids, labels=own[..., :2])
    with pytest.raises(InputError, match="labels has shape"):
        build({})(ids, labels=own)


def test_generation_follows_the_first_head():
    model, ids = build(HEADS), tokens(n=5)
    first = model(ids, return_dict=True).logits.numpy()[:, -1].argmax(-1)
    new, _ = model.generate(ids, max_new_tokens=3, eos_token_id=-1)
    np.testing.assert_array_equal(new.numpy()[:, 0], first)


def test_the_heads_follow_the_vocabulary():
    model = build(HEADS)
    before = [head.weight.numpy() for head in (model.lm_head, *model.more_lm_heads.values())]
    model.resize_token_embeddings(45)
    after = [head.weight.numpy() for head in (model.lm_head, *model.more_lm_heads.values())]
    for old, new in zip(before, after, strict=True):
        assert new.shape == (45, 32)
        np.testing.assert_array_equal(new[:37], old)
    assert [logits.shape[-1] for logits in model(tokens(), return_dict=True).head_logits] == [45] * 3


def test_a_mixture_keeps_its_states_when_the_vocabulary_changes():
    model, ids = build({"mixture_of_softmax": True, "sigsoftmax_logits": True}), tokens(vocabulary=20)
    before = model.lm_head.mixture.states_proj.weight.numpy()
    model.resize_token_embeddings(22)
    assert model.lm_head.options.sigsoftmax_logits
    np.testing.assert_array_equal(model.lm_head.mixture.states_proj.weight.numpy(), before)
    np.testing.assert_allclose(np.exp(model(ids).numpy()).sum(-1), 1, atol=1e-5)


def test_a_width_of_its_own_stays_when_the_vocabulary_changes():
    model = build({"logits_dim": 41})
    before = model.lm_head.weight.numpy()
    model.resize_token_embeddings(39)
    np.testing.assert_array_equal(model.lm_head.weight.numpy(), before)


@pytest.mark.parametrize("strategy", [{}, {"decode_strategy": "beam_search", "num_beams": 3}], ids=str)
def test_generation_chooses_tokens_that_there_are(strategy):
    model, ids = build({"logits_dim": 60}), tokens(n=5)
    with paddle.no_grad():
        model.lm_head.weight[37:] = model.lm_head.weight[37:] * 50
    new, _ = model.generate(ids, max_new_tokens=6, eos_token_id=-1, **strategy)
    assert new.numpy().max() < 37


def test_numbers_have_a_squared_error_of_their_own_place():
    model, ids = build(NUMBER), tokens()
    labels = paddle.randn([2, 14])
    labels[0, 3] = float("nan")
    output = model(ids, labels=labels, return_dict=True)
    assert output.logits.shape == [2, 14]
    wanted = labels.numpy()
    expected = np.nanmean((output.logits.numpy() - wanted) ** 2)
    np.testing.assert_allclose(float(output.loss), expected, rtol=1e-5)
    output.loss.backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in model.parameters())
    whole = paddle.to_tensor([[1, -100, 3]])
    np.testing.assert_allclose(float(number_loss(paddle.to_tensor([[1.5, 9.0, 3.0]]), whole)), 0.125)
    with pytest.raises(InputError, match=r"labels has shape \[2, 13\], but must have that of the numbers, \[2, 14\]"):
        model(ids, labels=labels[:, 1:])


def test_a_model_of_numbers_does_not_generate():
    with pytest.raises(InputError, match="generate.. needs a score for each token, but squeeze_out_last_dim=True"):
        build(NUMBER).generate(tokens(), max_new_tokens=2)


def test_the_loss_of_the_next_embedding():
    model, ids = build({**NEXT, "next_embed_loss_weight": 0.7}), tokens()
    labels = ids.clone()
    labels[0, 4] = -100
    output = model(ids, labels=labels, return_next_embed_pred=True, return_dict=True)
    read = model.xdecoder.embeddings.read(ids, paddle.arange(14).unsqueeze(0), None).numpy()
    errors = np.abs(output.next_embed_pred.numpy()[:, :-1] - read[:, 1:])[labels.numpy()[:, 1:] != -100]
    plain = float(next_token_loss(output.logits, labels))
    np.testing.assert_allclose(float(output.loss), plain + 0.7 * errors.mean(), rtol=1e-5)


@pytest.mark.parametrize("excised", [True, False])
@pytest.mark.parametrize("fields", [{}, {"post_emb_norm": True, "num_memory_tokens": 2}], ids=str)
def test_the_target_embeddings_have_all_that_is_added_and_nothing_in_front(fields, excised):
    model, ids = build({**NEXT, "embed_num_tokens": {"speaker": 3}, **fields}), tokens()
    added, front = paddle.randn([2, 14, 32]), paddle.randn([2, 3, 32])
    mask, labels = paddle.ones([2, 14], "int64"), ids.clone()
    mask[1, :4], labels[1, :4] = 0, -100
    given = {
        "attention_mask": mask,
        "sum_embeds": added,
        "embed_ids": {"speaker": ids % 3},
        "prepend_embeds": front,
        "prepend_mask": paddle.to_tensor([[1, 1, 1], [0, 1, 1]]),
    }
    wishes = {"return_next_embed_pred": True, "output_hidden_states": True, "return_dict": True}
    seen = model(ids, **given, **wishes)
    read, predicted = seen.hidden_states[0].numpy(), seen.next_embed_pred.numpy()  # (b, n, d): what the stack read
    errors = np.abs(predicted[:, :-1] - read[:, 1:])[labels.numpy()[:, 1:] != -100]
    expected = float(next_token_loss(seen.logits, labels)) + 0.1 * errors.mean()
    loss = model(ids, labels=labels, excise_prepend_embeds=excised, **given, return_dict=True).loss
    np.testing.assert_allclose(float(loss), expected, rtol=1e-5)
    without = {name: value for name, value in given.items() if name not in ("sum_embeds", "embed_ids")}
    assert abs(float(model(ids, labels=labels, **without, return_dict=True).loss) - expected) > 1e-4


def test_the_target_embeddings_have_no_gradient_and_no_dropout():
    model, ids = build({**NEXT, "emb_dropout": 0.9, "next_embed_loss_weight": 1.0}), tokens()
    embeddings, places = model.xdecoder.embeddings, paddle.arange(14).unsqueeze(0)
    model.train()
    np.testing.assert_array_equal(
        embeddings.read(ids, places, None).numpy(), embeddings.read(ids, places, None).numpy()
    )
    predicted = paddle.randn([2, 14, 32])
    predicted.stop_gradient = False
    given = dict.fromkeys(("attention_mask", "position_ids", "past_key_values", "inputs_embeds"))
    model.embedding_loss(predicted, ids, input_ids=ids, **given).backward()
    assert np.abs(predicted.grad.numpy()[:, :-1]).min() > 0
    assert embeddings.word_embeddings.weight.grad is None


def test_what_a_model_does_not_have_is_refused():
    with pytest.raises(InputError, match="return_next_embed_pred needs add_continuous_pred_head=True"):
        build({})(tokens(), return_next_embed_pred=True)


@pytest.mark.parametrize("fields", [{}, {"mixture_of_softmax": True}, HEADS], ids=str)
def test_entropies_are_those_of_the_first_head(fields):
    model, ids = build(fields), tokens()
    output = model(ids, return_logit_entropies=True, return_dict=True)
    logits = output.logits.numpy().astype("float64")
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(output.logit_entropies.numpy(), -(shares * np.log(shares)).sum(-1), atol=1e-5)
    assert model(ids, return_dict=True).logit_entropies is None


@pytest.mark.parametrize("fields", CRASHED, ids=str)
def test_hidden_states_are_there_whatever_the_head_is(fields):
    model, ids = build(fields), tokens()
    hidden = model(ids, output_hidden_states=True, return_dict=True).hidden_states[-1]
    base = XDecoderModel(model.config)
    base.set_state_dict(model.xdecoder.state_dict())
    base.eval()
    np.testing.assert_array_equal(base(ids, return_dict=True).last_hidden_state.numpy(), hidden.numpy())


@pytest.mark.parametrize("options", CRASHED, ids=str)
def test_the_keyword_style_returns_embeddings_whatever_the_head_is(options):
    from paddle_xformers import Decoder

    layers = Decoder(dim=32, depth=1, heads=4, attn_dim_head=8)
    model = TransformerWrapper(num_tokens=37, max_seq_len=16, attn_layers=layers, **options)
    model.eval()
    ids = tokens()
    hidden = model(ids, return_embeddings=True)
    assert hidden.shape == [2, 14, 32]
    logits, again = model(ids, return_logits_and_embeddings=True)
    np.testing.assert_array_equal(again.numpy(), hidden.numpy())
    alone = model(ids)
    for one, other in zip(*[found if isinstance(found, tuple) else (found,) for found in (logits, alone)], strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
