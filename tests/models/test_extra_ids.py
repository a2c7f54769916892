"""Further ids of each token: by name or in one tensor, with the cache, in generation and in the keyword style."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import Decoder, InputError, TransformerWrapper

from ..contracts.cases import build, logits, tokens

SIZES = {"speaker": 2, "part_of_speech": 4}


def ids(n: int = 14) -> dict[str, paddle.Tensor]:
    draw = np.random.default_rng(3)
    return {name: paddle.to_tensor(draw.integers(0, size, (2, n))) for name, size in SIZES.items()}


def stacked(given: dict[str, paddle.Tensor]) -> paddle.Tensor:
    return paddle.stack([given[name] for name in sorted(SIZES)], axis=-1)


def test_their_vectors_are_added_to_those_of_the_tokens():
    model, given = build({"embed_num_tokens": SIZES, "post_emb_norm": True, "emb_dim": 24}), ids()
    tables = model.xdecoder.extra_embeddings.tables
    added = sum(tables[name](values) for name, values in given.items())
    model.xdecoder.extra_embeddings, kept = None, model.xdecoder.extra_embeddings
    expected = logits(model, tokens(), sum_embeds=added)
    model.xdecoder.extra_embeddings = kept
    np.testing.assert_allclose(logits(model, tokens(), embed_ids=given), expected, atol=1e-6)
    np.testing.assert_array_equal(
        logits(model, tokens(), embed_ids=dict(reversed(given.items()))),
        logits(model, tokens(), embed_ids=stacked(given)),
    )


def test_left_out_they_are_0():
    model = build({"embed_num_tokens": SIZES})
    nothing = paddle.zeros([2, 14, 2], dtype="int64")
    np.testing.assert_allclose(logits(model, tokens(), embed_ids=nothing), logits(model, tokens()), atol=1e-6)


def test_a_new_token_has_those_of_the_token_before_it():
    model, prompt, given = build({"embed_num_tokens": SIZES}), tokens(n=6), ids(6)
    last = {name: paddle.concat([values, *[values[:, -1:]] * 3], axis=1) for name, values in given.items()}
    found = [
        model.generate(prompt, embed_ids=given, max_new_tokens=4, use_cache=cached, **strategy)[0].numpy()
        for cached in (True, False)
        for strategy in ({"decode_strategy": "greedy_search"}, {"decode_strategy": "beam_search", "num_beams": 2})
    ]
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[1], found[3])
    whole = paddle.concat([prompt, paddle.to_tensor(found[0][:, :3])], axis=1)
    chosen = logits(model, whole, embed_ids=last).argmax(-1)[:, 5:]
    ended = np.cumsum(found[0] == 2, axis=1) > 0
    np.testing.assert_array_equal(np.where(ended, 0, chosen), np.where(ended, 0, found[0]))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"speaker": tokens()}, "give \\(batch, length\\) for each of \\['part_of_speech', 'speaker'\\]"),
        (paddle.zeros([2, 14, 3], "int64"), r"shape \[2, 14, 3\].*\(2, 14, 2\)"),
        (paddle.zeros([2, 14, 2]), "give int64 or int32"),
        (
            paddle.full([2, 14, 2], 2, "int64"),
            r"embed_ids\['speaker'\] holds a number outside its table: allowed is 0 to 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        build({"embed_num_tokens": SIZES})(tokens(), embed_ids=given)


def test_without_tables_they_are_refused():
    with pytest.raises(InputError, match="embed_ids has no effect while embed_num_tokens=None"):
        build({})(tokens(), embed_ids=ids())


def test_the_keyword_style_takes_them():
    layers = Decoder(dim=32, depth=1, heads=4)
    model = TransformerWrapper(num_tokens=37, max_seq_len=20, attn_layers=layers, embed_num_tokens=SIZES)
    model.eval()
    given = ids()
    found = model(tokens(), embed_ids=given) - model(tokens(), embed_ids={**given, "speaker": 1 - given["speaker"]})
    assert np.abs(found.numpy()).max() > 1e-3
