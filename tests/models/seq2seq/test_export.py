"""Encoder-decoders as static graphs: traced, saved, loaded, and equal to the dynamic ones."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle.static import InputSpec

from ..test_export import IDS, MASK, assert_equal, exported
from .small import BUNDLES, build, padded, source, target

READ = InputSpec([None, None], "int64", "decoder_input_ids")
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=[name or "default" for name in BUNDLES])


@each_bundle
def test_source_mask_and_target_of_any_batch_and_length(tmp_path, fields):
    model = build(fields)
    static = exported(build(fields), [IDS, MASK, READ], tmp_path)
    for b, m, n in ((2, 9, 7), (1, 4, 1), (3, 20, 30)):
        ids, mask = padded(source(b, m), "left" if b == 2 else "right", 2)
        found = static(ids, mask, target(b, n))
        expected = model(ids, attention_mask=mask, decoder_input_ids=target(b, n))
        assert_equal(found[0], expected[0])
        assert_equal(found[1], expected[1], mask)


def test_the_encoder_and_one_step_with_a_cache(tmp_path):
    """As one would deploy it: the encoder once, then a graph that takes its states and the target so far."""
    model = build()
    encoder = exported(build().get_encoder(), [IDS], tmp_path / "encoder")
    states = encoder(source())
    states = states[0] if isinstance(states, (list, tuple)) else states
    first = build(use_cache=True)
    spec = [None, None, READ, None, InputSpec([None, None, 32], "float32", "encoder_output")]
    decoder = exported(first, spec, tmp_path / "decoder")
    outputs = decoder(target()[:, :6], states)
    whole = model(source(), decoder_input_ids=target())[0]
    assert_equal(outputs[0], whole[:, :6])
    dynamic = model(source(), decoder_input_ids=target()[:, :6], use_cache=True)
    leaves = paddle.utils.flatten(dynamic[1])
    cache = paddle.utils.pack_sequence_as(dynamic[1], list(outputs[1 : 1 + len(leaves)]))
    assert_equal(model(decoder_input_ids=target()[:, 6:], past_key_values=cache, use_cache=False)[0], whole[:, 6:])


def test_the_loss_in_a_static_graph(tmp_path):
    labels = InputSpec([None, None], "int64", "labels")
    model, spec = build(), [IDS, None, None, None, None, None, labels]
    static = exported(build(), spec, tmp_path)
    found, expected = static(source(), target()), model(source(), labels=target())
    assert_equal(found[0], expected[0])
    assert_equal(found[1], expected[1])


@pytest.mark.parametrize("bundle", ["", "llama"])
def test_the_inference_engine(tmp_path, bundle):
    """As deployed: with oneDNN, which Paddle Inference switches on by itself on the CPU."""
    from paddle import inference

    model = build(BUNDLES[bundle])
    exported(build(BUNDLES[bundle]), [IDS, None, READ], tmp_path)
    config = inference.Config(str(tmp_path / "model.json"), str(tmp_path / "model.pdiparams"))
    config.disable_glog_info()
    predictor = inference.create_predictor(config)
    for name, value in {"input_ids": source(), "decoder_input_ids": target()}.items():
        predictor.get_input_handle(name).copy_from_cpu(value.numpy())
    predictor.run()
    found = predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
    expected = model(source(), decoder_input_ids=target())[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
