"""What numbers do to hidden states, what is predicted, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import paddle
import pytest
from paddlenlp.transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

from paddle_xformers import ConfigError, InputError, XValConfig, XValForCausalLM, XValModel

from ..small import assert_same_weights
from .texts import NUMBER, build, text


def test_the_embedding_of_a_number_is_multiplied_by_it():
    model = build()
    ids, numbers = text()
    embeddings = model.xval.embeddings
    found = embeddings.look_up(ids, numbers).numpy()
    table = embeddings.word_embeddings.weight.numpy()
    factors = np.where(ids.numpy() == NUMBER, np.nan_to_num(numbers.numpy()), 1.0)
    np.testing.assert_allclose(found, table[ids.numpy()] * factors[..., None], rtol=1e-6)
    assert np.isfinite(found).all()


def test_without_numbers_each_counts_as_one():
    model = build()
    ids, _ = text()
    for found, expected in zip(model(ids), model(ids, paddle.ones(ids.shape)), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_numbers_at_other_tokens_have_no_effect_and_no_gradient():
    model = build()
    ids, numbers = text()
    other = paddle.where(ids == NUMBER, numbers, paddle.full([1], 7.0))
    np.testing.assert_array_equal(model(ids, numbers)[0].numpy(), model(ids, other)[0].numpy())
    other.stop_gradient = False
    sum(part.sum() for part in model(ids, other)).backward()
    slopes = other.grad.numpy()
    assert (slopes[ids.numpy() != NUMBER] == 0).all()
    assert (slopes[:, :-1][ids.numpy()[:, :-1] == NUMBER] != 0).all()


def test_numbers_of_other_precision():
    model = build()
    ids, numbers = text()
    expected = model(ids, numbers)[1].numpy()
    np.testing.assert_array_equal(model(ids, numbers.astype("float64"))[1].numpy(), expected)


def test_new_embeddings_are_drawn_like_the_old():
    """As in x-transformers: wider than those of models without numbers, which the number multiplies."""
    paddle.seed(1)
    model = XValForCausalLM(XValConfig(num_tokens=500, dim=64, depth=1, heads=2))
    assert model.xval.embeddings.word_embeddings.weight.numpy().std() == pytest.approx(1.0, rel=0.05)
    model.resize_token_embeddings(1000)
    assert model.get_input_embeddings().weight.numpy()[500:].std() == pytest.approx(1.0, rel=0.05)
    with pytest.raises(InputError, match="new_num_tokens=3 leaves out numerical_token_id=3.*at least 4"):
        model.resize_token_embeddings(3)


def test_a_number_that_is_no_token():
    with pytest.raises(ConfigError, match="numerical_token_id=37 is no token .* num_tokens=37"):
        build(numerical_token_id=37)


def ints(*shape: int) -> paddle.Tensor:
    return paddle.ones(shape, dtype="int64")


REFUSED = {
    "another shape": ({"input_numbers": paddle.ones([2, 9])}, ("input_numbers", "[2, 9]", "[2, 10]")),
    "integers": ({"input_numbers": ints(2, 10)}, ("input_numbers", "int64", "floating point")),
    "beside embeddings": (
        {"input_ids": None, "inputs_embeds": paddle.ones([2, 10, 32])},
        ("input_numbers goes with input_ids", "look_up"),
    ),
    "targets of another shape": (
        {"labels": ints(2, 10), "number_labels": paddle.ones([2, 9])},
        ("number_labels", "[2, 9]", "labels, [2, 10]"),
    ),
    "targets without tokens": ({"number_labels": paddle.ones([2, 10])}, ("number_labels goes with labels",)),
}


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(given, words):
    ids, numbers = text()
    with pytest.raises(InputError, match=".*".join(map(re.escape, words))):
        build()(**{"input_ids": ids, "input_numbers": numbers, **given})


def test_the_bare_model_gives_hidden_states():
    model = build()
    ids, numbers = text()
    assert type(model.base_model) is XValModel
    hidden = model.xval(ids, numbers, return_dict=True).last_hidden_state
    output = model(ids, numbers, return_dict=True, output_hidden_states=True)
    np.testing.assert_array_equal(hidden.numpy(), output.hidden_states[-1].numpy())
    np.testing.assert_allclose(output.numbers.numpy(), model.number_head(hidden).squeeze(-1).numpy(), rtol=1e-6)


def test_a_folder_by_the_classes_of_paddlenlp(tmp_path):
    model = build()
    model.save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(str(tmp_path))
    assert type(config) is XValConfig and config.numerical_token_id == NUMBER
    assert type(AutoModel.from_pretrained(str(tmp_path))) is XValModel
    assert_same_weights(AutoModelForCausalLM.from_pretrained(str(tmp_path)), model)
    with pytest.raises(InputError, match=r"AutoModelForCausalLM \(XValForCausalLM\)"):
        AutoModelForMaskedLM.from_pretrained(str(tmp_path))
