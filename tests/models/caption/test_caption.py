"""Descriptions of images, beside what contracts and parity hold."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle.static import InputSpec
from paddlenlp.transformers import AutoConfig, AutoModel, AutoModelForConditionalGeneration

from paddle_xformers import (
    ConfigError,
    InputError,
    XCaptionConfig,
    XCaptionForConditionalGeneration,
    XCaptionModel,
    XImageProcessor,
)

from ...contracts.subjects.subject import redraw_parameters
from ...contracts.subjects.xcaption import SMALL
from ..images.pictures import pixels
from ..test_export import exported
from ..vit.images import images

IDS = [[1, 5, 6, 7], [1, 9, 9, 3]]
LABELS = [[5, 6, 7, 2], [9, 9, 3, -100]]


def build(**fields) -> XCaptionForConditionalGeneration:
    model = XCaptionForConditionalGeneration(XCaptionConfig(**{**SMALL, **fields}))
    redraw_parameters(model)
    model.eval()
    return model


def test_the_parts_have_their_own_fields():
    config = XCaptionConfig(**SMALL, enc_num_register_tokens=2, dec_rotary_pos_emb=True)
    encoder, decoder = config.encoder_config(), config.decoder_config()
    assert (encoder.model_type, encoder.image_size, encoder.num_register_tokens, encoder.dim) == ("xvit", 8, 2, 32)
    assert (decoder.model_type, decoder.num_tokens, decoder.cross_attend, decoder.rotary_pos_emb) == (
        *("xdecoder", 37, True, True),
    )
    assert not {"enc_vit_head", "enc_num_tokens", "enc_max_seq_len", "dec_cross_attend"} & set(config.fields())
    assert (config.vocab_size, config.hidden_size, config.image_size) == (37, 32, 8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depth": 2}, "write enc_depth or dec_depth"),
        ({"enc_patch_siz": 4}, "enc_patch_size"),
        ({"enc_num_tokens": 9}, "enc_num_tokens"),
        ({"dec_cross_attend": False}, "always has cross_attend=True"),
        ({"enc_vit_head": "mlp"}, "always has vit_head='linear'"),
    ],
)
def test_keys_of_neither_part_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        XCaptionConfig(**SMALL, **given)


def test_rules_name_the_fields_of_the_part():
    with pytest.raises(ConfigError, match="enc_image_size=10 is not a multiple of enc_patch_size=4"):
        build(enc_image_size=10)
    with pytest.raises(ConfigError, match="dec_heads=4 is not a multiple of dec_attn_kv_heads=3"):
        build(dec_attn_kv_heads=3)


def test_the_caption_depends_on_the_image_and_on_nothing_later():
    model, ids = build(), paddle.to_tensor(IDS)
    logits = model(images(), ids, return_dict=True).logits
    other = model(images(seed=5), ids, return_dict=True).logits
    assert (np.abs((logits - other).numpy()).max(axis=(1, 2)) > 1e-3).all()
    encoded = model.xcaption.encoder(images(), return_dict=True)
    for given in (encoded, encoded.last_hidden_state, (encoded.last_hidden_state,)):
        again = model(encoder_output=given, decoder_input_ids=ids, return_dict=True).logits
        np.testing.assert_array_equal(again.numpy(), logits.numpy())


def test_the_loss_is_that_of_the_next_token():
    model = build(dec_tie_word_embeddings=True)
    loss, logits = model(images(), labels=paddle.to_tensor(LABELS))
    np.testing.assert_allclose(
        logits.numpy(), model(images(), paddle.to_tensor([[1, 5, 6, 7], [1, 9, 9, 3]]))[0].numpy()
    )
    shares = logits.numpy().astype("float64")
    shares = np.log(np.exp(shares) / np.exp(shares).sum(-1, keepdims=True))
    picked = [
        shares[row, place, label] for row, line in enumerate(LABELS) for place, label in enumerate(line) if label > 0
    ]
    assert float(loss) == pytest.approx(-np.mean(picked), rel=1e-5)


def test_outputs():
    model = build(enc_num_register_tokens=2, enc_pooling="cls")
    output = model(
        images(),
        paddle.to_tensor(IDS),
        output_attentions=True,
        output_hidden_states=True,
        use_cache=True,
        return_dict=True,
    )
    assert [weights.shape for weights in output.cross_attentions] == [[2, 4, 4, 5]] * 2
    assert [weights.shape for weights in output.encoder_attentions] == [[2, 4, 5, 5]] * 2
    assert [states.shape for states in output.encoder_hidden_states] == [[2, 5, 32]] * 3
    assert [states.shape for states in output.decoder_hidden_states] == [[2, 4, 32]] * 3
    assert output.encoder_last_hidden_state.shape == [2, 5, 32]


def greedy(model, pixels, steps):
    """Captions by whole passes, one token after the other."""
    ids = paddle.full([pixels.shape[0], 1], 1, dtype="int64")
    for _ in range(steps):
        best = model(pixels, ids, return_dict=True).logits[:, -1:].argmax(axis=-1)
        ids = paddle.concat([ids, best], axis=1)
    return ids[:, 1:]


def test_generation_is_the_most_likely_token_after_token():
    model = build(enc_num_register_tokens=2, dec_rotary_pos_emb=True)
    model.config.eos_token_id = model.generation_config.eos_token_id = None
    wanted = greedy(model, images(3), 5).numpy()
    for cached in (True, False):
        found = model.generate(pixel_values=images(3), max_new_tokens=5, use_cache=cached)[0]
        np.testing.assert_array_equal(found.numpy(), wanted)
    encoded = model.get_encoder()(images(3), return_dict=True)
    np.testing.assert_array_equal(model.generate(encoder_output=encoded, max_new_tokens=5)[0].numpy(), wanted)
    begun = model.generate(
        pixel_values=images(3), decoder_input_ids=paddle.to_tensor([[1, int(wanted[0, 0])]] * 3), max_new_tokens=3
    )[0]
    np.testing.assert_array_equal(begun.numpy()[0], wanted[0, 1:4])


def test_each_image_has_the_caption_it_has_alone():
    model, given = build(), images(3)
    for strategy in ({}, {"decode_strategy": "beam_search", "num_beams": 3}):
        together = model.generate(pixel_values=given, max_new_tokens=6, **strategy)[0].numpy()
        for row in range(3):
            alone = model.generate(pixel_values=given[row : row + 1], max_new_tokens=6, **strategy)[0].numpy()
            np.testing.assert_array_equal(together[row, : alone.shape[1]], alone[0])


def test_images_are_encoded_once():
    model, calls = build(), []
    model.get_encoder().register_forward_pre_hook(lambda *_: calls.append(1))
    for cached in (True, False):
        model.generate(pixel_values=images(), max_new_tokens=4, use_cache=cached)
    assert len(calls) == 2


def test_several_captions_of_each_image():
    found, scores = build().generate(
        pixel_values=images(), decode_strategy="sampling", num_return_sequences=3, max_new_tokens=4, seed=1
    )
    assert found.shape[0] == scores.shape[0] == 6


def test_images_of_another_size():
    model = build()
    wide = images(2, 8, 12)
    found = model.generate(pixel_values=wide, interpolate_pos_encoding=True, max_new_tokens=4)[0].numpy()
    model.resize_images((8, 12))
    assert model.config.enc_image_size == [8, 12]
    np.testing.assert_array_equal(model.generate(pixel_values=wide, max_new_tokens=4)[0].numpy(), found)


def test_from_a_file_to_a_caption(tmp_path):
    model = build(enc_image_size=[8, 12], enc_channels=1)
    processor = XImageProcessor.from_config(model.config)
    assert (processor.size, processor.channels) == ([8, 12], 1)
    assert model.generate(**processor([pixels(), pixels(9, 9)]), max_new_tokens=3)[0].shape[0] == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "there is no image: give pixel_values or encoder_output"),
        ({"input_ids": paddle.to_tensor(IDS)}, "describes images: give pixel_values"),
        ({"pixel_values": images(), "max_new_tokens": 64}, "dec_max_seq_len=64"),
        ({"pixel_values": images(), "decoder_input_ids": paddle.to_tensor([[1]])}, "1 rows, but the source has 2"),
        ({"pixel_values": images(), "attention_mask": paddle.ones([2, 4])}, "images have no padding"),
        ({"pixel_values": images(2, 12)}, "image_size=8"),
        ({"pixel_value": images()}, "did you mean 'pixel_values'"),
    ],
)
def test_what_cannot_be_described_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        build().generate(**{"max_new_tokens": 4, **given})


def test_images_are_given_once_and_only_once():
    model, ids = build(), paddle.to_tensor(IDS)
    with pytest.raises(InputError, match="pixel_values has no effect beside encoder_output"):
        model(images(), ids, encoder_output=paddle.zeros([2, 4, 32]))
    with pytest.raises(InputError, match="there is no image"):
        model(decoder_input_ids=ids)


@pytest.mark.parametrize("tied", [False, True])
def test_saving_and_the_auto_classes(tmp_path, tied):
    model = build(dec_tie_word_embeddings=tied, enc_pooling="cls")
    model.save_pretrained(tmp_path)
    assert type(AutoConfig.from_pretrained(str(tmp_path))) is XCaptionConfig
    loaded = AutoModelForConditionalGeneration.from_pretrained(str(tmp_path))
    assert type(loaded) is XCaptionForConditionalGeneration
    loaded.eval()
    ids = paddle.to_tensor(IDS)
    np.testing.assert_array_equal(loaded(images(), ids)[0].numpy(), model(images(), ids)[0].numpy())
    assert (loaded.lm_head.weight is loaded.get_input_embeddings().weight) == tied
    assert type(AutoModel.from_pretrained(str(tmp_path))) is XCaptionModel


@pytest.mark.parametrize("tied", [False, True])
def test_another_vocabulary(tied):
    model = build(dec_tie_word_embeddings=tied)
    ids = paddle.to_tensor(IDS)
    before = model(images(), ids)[0].numpy()
    model.resize_token_embeddings(45)
    assert model.config.dec_num_tokens == model.config.vocab_size == 45
    after = model(images(), ids)[0].numpy()
    assert after.shape[-1] == 45
    np.testing.assert_allclose(after[..., :37], before, atol=1e-5)


def test_a_static_graph(tmp_path):
    spec = [
        InputSpec([None, 3, 8, 8], "float32", "pixel_values"),
        InputSpec([None, None], "int64", "decoder_input_ids"),
    ]
    model, static = build(), exported(build(), spec, tmp_path)
    for ids in (IDS, [[1, 2, 3]] * 2):
        ids = paddle.to_tensor(ids)
        np.testing.assert_allclose(static(images(), ids)[0].numpy(), model(images(), ids)[0].numpy(), atol=1e-5)


def test_a_few_steps_teach_two_captions():
    model = XCaptionForConditionalGeneration(XCaptionConfig(**SMALL))
    optimizer = paddle.optimizer.AdamW(3e-3, parameters=model.parameters())
    labels = paddle.to_tensor([[5, 6, 7, 2], [9, 8, 2, -100]])
    for _ in range(40):
        loss = model(images(), labels=labels)[0]
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    model.eval()
    found = model.generate(pixel_values=images(), max_new_tokens=4)[0].tolist()
    assert found == [[5, 6, 7, 2], [9, 8, 2, 0]]
