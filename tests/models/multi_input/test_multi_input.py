"""Several streams of tokens: forms of the inputs, losses, generation, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import paddle
import pytest
from paddle.io import Dataset

from paddle_xformers import (
    ConfigError,
    InputError,
    XMultiInputConfig,
    XMultiInputForCausalLM,
    XMultiInputModel,
)
from paddle_xformers.models.losses import next_token_loss

from ...contracts.subjects.xmultiinput import SUBJECTS
from ..small import assert_same_weights
from ..training import losses, trainer

SUBJECT = SUBJECTS[0]
NAMES = ["note", "pitch"]
NEW = 6
BUNDLES: dict[str, dict[str, Any]] = {
    "default": {},
    "rotary": {"rotary_pos_emb": True, "attn_kv_heads": 2, "position_embedding": "none"},
    "memory tokens": {"num_memory_tokens": 3, "position_bias": "t5"},
    "memory between": {"rotary_pos_emb": True, "num_memory_tokens": 2, "memory_tokens_interspersed_every": 3},
    "token shift": {"shift_tokens": 1},
    "narrow": {"emb_dim": 16, "post_emb_norm": True},
}
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)


def build(fields: dict[str, Any] | None = None, **more: Any) -> XMultiInputForCausalLM:
    return SUBJECT.build({**(fields or {}), **more})


def ids_of(model: Any, b: int = 2, n: int = 10) -> paddle.Tensor:
    return SUBJECT.feed(model, b, n)["input_ids"]


def named(ids: paddle.Tensor) -> dict[str, paddle.Tensor]:
    return {name: ids[:, :, index] for index, name in enumerate(NAMES)}


def test_both_forms_of_the_inputs():
    model = build()
    ids = ids_of(model)
    stacked, by_name = model(ids), model(dict(reversed(named(ids).items())))
    assert list(stacked) == list(by_name) == NAMES
    assert {name: logits.shape for name, logits in stacked.items()} == {"note": [2, 10, 37], "pitch": [2, 10, 41]}
    for name in NAMES:
        np.testing.assert_array_equal(stacked[name].numpy(), by_name[name].numpy())


def test_every_stream_is_read():
    model = build()
    ids = ids_of(model)
    for index in range(2):
        changed = ids.clone()
        changed[:, :, index] = 3
        for name in NAMES:
            assert np.abs(model(ids)[name].numpy() - model(changed)[name].numpy()).max() > 1e-3


def test_the_loss_is_the_sum_over_streams():
    model = build()
    ids = ids_of(model)
    labels = ids.clone()
    labels[0, 5:, 0] = -100
    output = model(ids, labels=labels, return_dict=True)
    expected = sum(float(next_token_loss(output.logits[name], labels[:, :, i])) for i, name in enumerate(NAMES))
    assert float(output.loss) == pytest.approx(expected, rel=1e-6)
    by_name = model(ids, labels=named(labels), return_dict=True).loss
    assert float(by_name) == float(output.loss)


def test_the_configuration_takes_a_mapping():
    config = XMultiInputConfig(num_tokens={"note": 20, "pitch": 32, "tone": 16}, dim=32)
    assert (config.stream_names, config.stream_num_tokens) == (["note", "pitch", "tone"], [20, 32, 16])
    again = XMultiInputConfig.from_dict(json.loads(config.to_json_string()))
    assert again.values() == config.values()
    with pytest.raises(ConfigError, match="num_tokens=.*and stream_names=.*contradict"):
        XMultiInputConfig(num_tokens={"note": 20}, stream_names=["pitch"])
    with pytest.raises(ConfigError, match="num_tokens=20 is no size for each stream"):
        XMultiInputConfig(num_tokens=20)


BAD = {
    "no streams": ({"stream_names": [], "stream_num_tokens": []}, "at least one name"),
    "one name twice": ({"stream_names": ["note", "note"]}, "each once"),
    "a name with a dot": ({"stream_names": ["a.b", "c"]}, "letters, digits and underscores"),
    "a size too few": ({"stream_num_tokens": [5]}, "differ in length"),
    "an empty vocabulary": ({"stream_num_tokens": [5, 0]}, "sizes of at least 1"),
}


@pytest.mark.parametrize(("fields", "words"), BAD.values(), ids=BAD)
def test_streams_that_cannot_be(fields, words):
    with pytest.raises(ConfigError, match=words):
        build(fields)


def test_names_of_methods_are_names_of_streams():
    model = build(stream_names=["keys", "training"])
    assert list(model(ids_of(model))) == ["keys", "training"]


@each_bundle
def test_greedy_by_hand_with_a_cache_and_without(fields):
    model = build(fields)
    ids = whole = ids_of(model)
    for _ in range(NEW):
        logits = model(whole)
        new = paddle.stack([logits[name][:, -1].argmax(-1) for name in NAMES], axis=-1)
        whole = paddle.concat([whole, new.unsqueeze(1)], axis=1)
    for cached in (True, False):
        found = model.generate(ids, NEW, use_cache=cached)
        for index, name in enumerate(NAMES):
            np.testing.assert_array_equal(found[name].numpy(), whole[:, 10:, index].numpy())


@each_bundle
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_row_is_continued_as_the_row_alone(fields, side):
    model = build(fields)
    rows = ids_of(model, 3)
    batch, mask = paddle.zeros_like(rows), paddle.zeros([3, 10], dtype="int64")
    for row, length in enumerate((4, 7, 10)):
        place = slice(10 - length, 10) if side == "left" else slice(0, length)
        batch[row, place], mask[row, place] = rows[row, :length], 1
    for cached in (True, False):
        found = model.generate(batch, NEW, attention_mask=mask, use_cache=cached)
        for row, length in enumerate((4, 7, 10)):
            alone = model.generate(rows[row : row + 1, :length], NEW)
            for name in NAMES:
                np.testing.assert_array_equal(found[name][row].numpy(), alone[name][0].numpy())


def test_drawn_tokens():
    model = build()
    ids = ids_of(model)
    greedy = model.generate(ids, NEW)
    np.testing.assert_array_equal(model.generate(ids, NEW, temperature=1.0, top_k=1)["note"].numpy(), greedy["note"])
    found = []
    for seed in (1, 1, 2):
        paddle.seed(seed)
        found.append(model.generate(named(ids), NEW, temperature=1.5)["pitch"].numpy())
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()
    many = ids[:1].expand([3000, -1, -1])
    drawn = model.generate(many, 1, temperature=0.7)["note"].numpy().ravel()
    scores = model(ids[:1])["note"][0, -1].numpy() / 0.7
    odds = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=37) / 3000, odds, atol=0.04)
    kept = model.generate(many, 1, temperature=0.7, top_k=3)["note"].numpy()
    assert set(np.unique(kept)) <= set(np.argsort(-scores)[:3])


def test_context_and_mems():
    model = build(cross_attend=True, max_mem_len=8, rotary_pos_emb=True)
    ids, context = ids_of(model), paddle.randn([2, 4, 32])
    mems = model(ids, encoder_hidden_states=context, return_mems=True, return_dict=True).mems
    more = {"encoder_hidden_states": context, "mems": mems}
    found, uncached = (model.generate(ids, NEW, **more, use_cache=on) for on in (True, False))
    for name in NAMES:
        np.testing.assert_array_equal(found[name].numpy(), uncached[name].numpy())


def test_a_model_in_training_is_as_before_afterwards():
    model = build(emb_dropout=0.5)
    expected = model.generate(ids_of(model), NEW)["note"].numpy()
    model.train()
    np.testing.assert_array_equal(model.generate(ids_of(model), NEW)["note"].numpy(), expected)
    assert model.training


REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": (lambda m: m(), "input_ids or inputs_embeds"),
    "a stream missing": (lambda m: m({"note": ids_of(m)[:, :, 0]}), "['note'], but those of this model are"),
    "two lengths": (lambda m: m({"note": ids_of(m)[:, :, 0], "pitch": ids_of(m)[:, :9, 1]}), "all alike"),
    "one stream": (lambda m: m(ids_of(m)[:, :, :1]), "[2, 10, 1]; give (batch, length, 2)"),
    "two axes": (lambda m: m(ids_of(m)[:, :, 0]), "[2, 10]"),
    "floats": (lambda m: m(ids_of(m).astype("float32")), "int64 or int32"),
    "an id too large": (lambda m: m(ids_of(m) + 37), "the stream 'note'"),
    "a negative id": (lambda m: m(ids_of(m) - 40), "the stream 'note'"),
    "narrow embeddings": (lambda m: m(inputs_embeds=paddle.ones([2, 3, 31])), "emb_dim=32"),
    "labels of one stream": (lambda m: m(ids_of(m), labels={"note": ids_of(m)[:, :, 0]}), "labels holds the streams"),
    "a table": (lambda m: m.get_input_embeddings(), "a token embedding for each stream"),
    "another size": (lambda m: m.resize_token_embeddings(50), "a token embedding for each stream"),
    "generate nothing": (lambda m: m.generate(ids_of(m), 0), "max_new_tokens=0"),
    "generate too much": (lambda m: m.generate(ids_of(m), 60), "at most 54"),
    "generate an id": (lambda m: m.generate(ids_of(m) + 37, 2), "stream 'note' holds the id"),
    "temperature": (lambda m: m.generate(ids_of(m), 2, temperature=-1.0), "temperature=-1.0"),
    "top_k": (lambda m: m.generate(ids_of(m), 2, top_k=3), "top_k=3 has no effect while temperature=0"),
    "top_k below": (lambda m: m.generate(ids_of(m), 2, top_k=-3, temperature=1.0), "top_k=-3"),
    "mask": (lambda m: m.generate(ids_of(m), 2, attention_mask=paddle.ones([2, 10, 10])), "(batch, length)"),
}


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(call, words):
    with pytest.raises(InputError, match=re.escape(words)):
        call(build())


class Tunes(Dataset):
    """Two streams of a short period, as rows of pairs."""

    def __init__(self, count: int = 32) -> None:
        rng = np.random.default_rng(0)
        self.rows = [np.resize(rng.integers(3, 37, (3, 2)), (12, 2)) for _ in range(count)]

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"input_ids": self.rows[index], "labels": self.rows[index]}

    def __len__(self) -> int:
        return len(self.rows)


def test_paddlenlps_trainer(tmp_path):
    model = SUBJECT.build({}, redraw=False)
    done = trainer(model, tmp_path, data=Tunes(), max_steps=25)
    done.train()
    assert losses(done)[-1] < 0.8 * losses(done)[0]
    assert done.evaluate()["eval_loss"] < losses(done)[0]


def test_a_folder_by_the_classes_of_paddlenlp(tmp_path):
    from paddlenlp.transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

    model = build()
    model.save_pretrained(tmp_path)
    assert type(AutoConfig.from_pretrained(str(tmp_path))) is XMultiInputConfig
    assert type(AutoModel.from_pretrained(str(tmp_path))) is XMultiInputModel
    loaded = AutoModelForCausalLM.from_pretrained(str(tmp_path))
    assert_same_weights(loaded, model)
    with pytest.raises(InputError, match="AutoModelForCausalLM"):
        AutoModelForMaskedLM.from_pretrained(str(tmp_path))
