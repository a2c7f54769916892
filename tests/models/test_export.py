"""Models as static graphs: traced, saved, loaded, and equal to the dynamic ones."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle.static import InputSpec

from ..contracts.cases import CONTEXT_LENGTH, build, extras, tokens

BUNDLES = {
    "default": {},
    "llama": {"rotary_pos_emb": True, "attn_kv_heads": 2, "ff_glu": True, "norm": "rmsnorm"},
    "alibi": {"position_bias": "alibi"},
    "t5": {"position_bias": "t5"},
    "memory": {"num_memory_tokens": 3},
    "memory between": {"rotary_pos_emb": True, "num_memory_tokens": 2, "memory_tokens_interspersed_every": 3},
    "streams": {"residual": "hyper", "num_residual_streams": 2},
    "gates": {"residual": "gru", "scale_residual": True, "ff_post_act_ln": True},
    "shifted tokens": {"shift_tokens": (2, 0, 1, 1), "num_memory_tokens": 2},
    "old port": {"use_qk_norm_attn": True, "position_infused_attn": True, "attn_num_mem_kv": 2},
    "collaborative heads": {
        "attn_collab_heads": True,
        "rotary_pos_emb": True,
        "rotary_values": True,
        "alibi_pos_emb": True,
        "alibi_learned": True,
    },
    "selective": {"attn_selective": True, "attn_num_mem_kv": 2, "num_memory_tokens": 2},
    "rotary key heads": {"attn_latent_rope_subheads": 1, "attn_dim_latent_kv": 12, "rotary_pos_emb": True},
    "inverted": {"attn_inverted_attention": True, "num_memory_tokens": 2},
    "belief": {"attn_orthog_projected_values": True, "attn_orthog_projected_values_per_head": True, "attn_kv_heads": 2},
    "forgetting, curves": {"attn_data_dependent_alibi": True, "attn_use_rel_proj_pos_bias": True, "attn_num_mem_kv": 2},
    "forgetting by row": {"attn_data_dependent_alibi": True, "attn_data_dependent_alibi_per_row": True},
    "contextual": {"attn_use_cope": True, "attn_cope_max_pos": 4, "num_memory_tokens": 2},
    "dynamic": {"position_bias": "dynamic", "max_seq_len": 64},
    "drawn keys": {"attn_normalizer": "gumbel"},
    "attention parts": {"attn_num_mem_kv": 2, "attn_sparse_topk": 3, "attn_normalizer": "entmax15"},
}
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)
IDS = InputSpec([None, None], "int64", "input_ids")
MASK = InputSpec([None, None], "int64", "attention_mask")


def exported(model, spec, folder):
    """The model after a round trip over the disk as a static graph."""
    static = paddle.jit.to_static(model, input_spec=spec, full_graph=True)
    paddle.jit.save(static, str(folder / "model"))
    return paddle.jit.load(str(folder / "model"))


def padded(b: int, n: int) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Ids and a mask: left padding in the first row, right padding in the last."""
    ids = tokens(b, n, seed=n)
    mask = paddle.ones_like(ids)
    mask[0, : n // 3] = 0
    mask[-1, n - 2 :] = 0
    return ids, mask


def assert_equal(found, expected, mask=None):
    found, expected = found.numpy(), expected.numpy()
    if mask is not None:
        found, expected = found[mask.numpy() > 0], expected[mask.numpy() > 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@each_bundle
def test_ids_alone_of_any_batch_and_length(tmp_path, fields):
    model = build(fields)
    static = exported(build(fields), [IDS], tmp_path)
    for b, n in ((2, 14), (1, 1), (3, 30), (1, 64)):
        ids = tokens(b, n, seed=n)
        assert_equal(static(ids), model(ids))


@each_bundle
def test_ids_and_mask_of_any_batch_and_length(tmp_path, fields):
    model = build(fields)
    static = exported(build(fields), [IDS, MASK], tmp_path)
    for b, n in ((2, 14), (3, 30), (1, 9)):
        ids, mask = padded(b, n)
        assert_equal(static(ids, mask), model(ids, attention_mask=mask), mask)


def test_the_kernel_of_the_gpu_can_be_traced(tmp_path):
    fields = {"rotary_pos_emb": True, "attn_kernel": "fused"}
    model = build(fields)
    static = exported(build(fields), [IDS, MASK], tmp_path)
    ids, mask = padded(2, 14)
    assert_equal(static(ids, mask), model(ids, attention_mask=mask), mask)


@each_bundle
def test_cached_decoding(tmp_path, fields):
    """One graph for the prompt, and one for a step, which takes the cache as its inputs."""
    model, ids = build(fields, use_cache=True), tokens(n=9)
    whole = build(fields)(ids)
    first = exported(build(fields, use_cache=True), [IDS], tmp_path / "prompt")
    outputs = first(ids[:, :8])
    assert_equal(outputs[0], whole[:, :8])
    cache = paddle.utils.pack_sequence_as(model(ids[:, :8])[1], list(outputs[1:]))
    step = model(ids[:, 8:], past_key_values=cache)
    assert_equal(step[0], whole[:, 8:])


def test_context(tmp_path):
    model = build({"cross_attend": True})
    context = InputSpec([None, None, 32], "float32", "encoder_hidden_states")
    spec = [IDS, None, None, None, None, None, None, context]
    static = exported(build({"cross_attend": True}), spec, tmp_path)
    given = extras(model)["encoder_hidden_states"]
    assert given.shape[1] == CONTEXT_LENGTH
    assert_equal(static(tokens(), given), model(tokens(), encoder_hidden_states=given))


def test_the_bare_model(tmp_path):
    model = build({})
    static = exported(build({}).xdecoder, [IDS], tmp_path)
    found = static(tokens())
    assert_equal(found[0] if isinstance(found, (list, tuple)) else found, model.xdecoder(tokens())[0])


def test_a_batch_of_fixed_size(tmp_path):
    model = build({})
    static = exported(build({}), [InputSpec([2, 14], "int64", "input_ids")], tmp_path)
    assert_equal(static(tokens()), model(tokens()))


@each_bundle
def test_the_inference_engine(tmp_path, fields):
    """As deployed: with oneDNN, which Paddle Inference switches on by itself on the CPU."""
    from paddle import inference

    model = build(fields)
    exported(build(fields), [IDS], tmp_path)
    config = inference.Config(str(tmp_path / "model.json"), str(tmp_path / "model.pdiparams"))
    config.disable_glog_info()
    predictor = inference.create_predictor(config)
    ids = tokens()
    predictor.get_input_handle(predictor.get_input_names()[0]).copy_from_cpu(ids.numpy())
    predictor.run()
    found = predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
    np.testing.assert_allclose(found, model(ids).numpy(), atol=1e-4)


@pytest.mark.parametrize("fields", [{}, {"shift_tokens": 2}], ids=["rotary", "shifted tokens"])
def test_generation_as_one_graph(tmp_path, fields):
    """PaddleNLP's own export: sampling from one candidate, so that it can be compared."""
    fields = {"rotary_pos_emb": True, **fields}
    model = build(fields)
    build(fields).to_static(str(tmp_path / "generate"), {"use_top_p": False})
    static = paddle.jit.load(str(tmp_path / "generate"))
    ids, mask = tokens(n=6), paddle.ones([2, 6], dtype="int64")
    places = paddle.arange(6).unsqueeze(0).expand([2, 6])
    found = static(ids, mask, places, paddle.to_tensor([5]), paddle.to_tensor([1]))[0]
    expected = model.generate(ids, max_new_tokens=5)[0]
    np.testing.assert_array_equal(found.numpy()[:, -expected.shape[1] :], expected.numpy())


@pytest.mark.parametrize("fields", [{}, {"shift_tokens": 1, "residual": "gru"}], ids=["default", "shift and gates"])
def test_a_traced_model_trains(tmp_path, fields):
    """In Paddle's default mode of tracing, which falls back to Python where it has to."""
    losses = []
    for traced in (False, True):
        model = build(fields)
        model.train()
        forward = paddle.jit.to_static(model) if traced else model
        loss = forward(tokens(), labels=tokens())[0]
        loss.backward()
        losses.append((float(loss), model.lm_head.weight.grad.numpy()))
    assert losses[1][0] == pytest.approx(losses[0][0], rel=1e-5)
    np.testing.assert_allclose(losses[1][1], losses[0][1], atol=1e-5)
