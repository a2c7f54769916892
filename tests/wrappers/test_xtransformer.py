"""XTransformer: the loss, generation, and what it refuses."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import paddle
import pytest
from paddle.nn import functional as F

from paddle_xformers import ConfigError, InputError, XSeq2SeqForConditionalGeneration, XTransformer

from .small import STACK, without_gradient

PART = {**{name: value for name, value in STACK.items() if name != "dim"}, "num_tokens": 40, "max_seq_len": 16}


def build(**options: Any) -> XTransformer:
    parts = {prefix + name: value for prefix in ("enc_", "dec_") for name, value in PART.items()}
    model = XTransformer(**{"dim": 32, **parts, **options})
    model.eval()
    return model


@pytest.fixture
def source() -> paddle.Tensor:
    return paddle.randint(0, 40, (2, 9))


@pytest.fixture
def target() -> paddle.Tensor:
    return paddle.randint(0, 40, (2, 7))


def expected_loss(model: XTransformer, source: Any, target: Any, **given: Any) -> float:
    logits = model.model(source, decoder_input_ids=target[:, :-1], return_dict=True, **given).logits
    return float(F.cross_entropy(logits.reshape([-1, 40]), target[:, 1:].reshape([-1])))


def test_the_loss_is_that_of_every_next_token_of_the_target(source, target):
    model = build()
    assert float(model(source, target)) == pytest.approx(expected_loss(model, source, target), rel=1e-5)


def test_masks_of_source_and_target(source, target):
    model = build()
    mask = paddle.arange(9).expand([2, 9]) < 5
    wanted = expected_loss(model, source[:, :5], target)
    for given in ({"mask": mask}, {"src_mask": mask}, {"mask": mask, "attn_mask": paddle.ones([9, 9], dtype="bool")}):
        assert float(model(source, target, **given)) == pytest.approx(wanted, rel=1e-5)
    seen = paddle.arange(7).expand([2, 7]) < 4
    wanted = expected_loss(model, source, target, decoder_attention_mask=seen[:, :-1])
    for tgt_mask in (seen, seen[:, :-1]):
        assert float(model(source, target, tgt_mask=tgt_mask)) == pytest.approx(wanted, rel=1e-5)
    assert wanted != pytest.approx(float(model(source, target)), rel=1e-5)


def test_ids_to_ignore(source, target):
    model = build(ignore_index=39, pad_value=3)
    target = target.clip(max=38)
    target[:, 4:] = 39
    assert float(model(source, target)) == pytest.approx(expected_loss(model, source, target[:, :4]), rel=1e-5)


def test_vectors_in_front_of_the_source(source, target):
    model = build()
    vectors = paddle.randn([2, 3, 32])
    wanted = expected_loss(model, source, target, encoder_prepend_embeds=vectors)
    assert float(model(source, target, src_prepend_embeds=vectors)) == pytest.approx(wanted, rel=1e-5)
    assert float(model(source, target)) != pytest.approx(wanted, rel=1e-5)


def test_gradients_reach_every_parameter(source, target):
    model = build(tie_token_emb=True, enc_num_memory_tokens=2, dec_cross_residual_attn=True)
    model(source, target).backward()
    assert without_gradient(model) == []
    held = [id(parameter) for parameter in model.parameters()]
    assert len(held) == len(set(held))


def test_generation(source):
    model = build()
    mask = paddle.arange(9).expand([2, 9]) < 6
    ids = paddle.to_tensor([[1], [2]])
    for _ in range(5):
        logits = model.model(source, mask, decoder_input_ids=ids, return_dict=True).logits
        ids = paddle.concat([ids, logits[:, -1:].argmax(-1)], axis=1)
    for given in ({"mask": mask}, {"src_mask": mask, "cache_kv": False}):
        found = model.generate(source, ids[:, :1], 5, temperature=0.0, **given)
        np.testing.assert_array_equal(found.numpy(), ids[:, 1:].numpy())
    single = model.generate(source[:1], ids[0, :2], 4, temperature=0.0, mask=mask[:1])
    np.testing.assert_array_equal(single.numpy(), ids[0, 2:].numpy())
    assert model.generate(source, ids[:, :1], 3, filter_logits_fn="top_p", filter_kwargs={"thres": 0.5}).shape == [2, 3]
    model.train()
    model.generate(source, ids[:, :1], 3)
    assert model.model.training


def test_it_comes_back_from_its_folder(source, target, tmp_path):
    model = build(tie_token_emb=True)
    model.save_pretrained(tmp_path)
    loaded = XSeq2SeqForConditionalGeneration.from_pretrained(tmp_path)
    loaded.eval()
    given = {"decoder_input_ids": target, "return_dict": True}
    np.testing.assert_array_equal(loaded(source, **given).logits.numpy(), model.model(source, **given).logits.numpy())


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"heads": 3}, "XTransformer does not take heads=3: say whose it is: enc_heads or dec_heads"),
        ({"enc_hed": 3}, "XTransformer has no keyword 'enc_hed'; did you mean 'enc_heads'"),
        ({"dec_cross_attend": False}, "dec_cross_attend=False is not allowed"),
        ({"enc_num_tokens": None}, "XTransformer got no enc_num_tokens"),
        ({"dec_depth": None}, "XTransformer got no dec_depth"),
    ],
)
def test_keywords_that_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        build(**options)


def test_arguments_that_are_refused(source, target):
    model, mask = build(), paddle.ones([2, 9], dtype="bool")
    with pytest.raises(InputError, match="mask and src_mask are two names of one argument"):
        model(source, target, mask=mask, src_mask=mask)
    with pytest.raises(InputError, match="XTransformer has no argument 'maks'; did you mean 'mask'"):
        model(source, target, maks=mask)
    with pytest.raises(InputError, match="generate does not take src_prepend_embeds"):
        model.generate(source, target, 2, src_prepend_embeds=mask)
    with pytest.raises(InputError, match=r"tgt has shape \[2, 1\]"):
        model(source, target[:, :1])
