"""What the image encoder computes and returns, beside what contracts and parity hold."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError, XViTConfig, XViTForImageClassification, XViTModel
from paddle_xformers.nn.patches import from_patches, to_patches

from .images import SMALL, build, images


def test_patches_and_back():
    given = images(2, 8, 12)
    patches = to_patches(given, 4)
    assert patches.shape == [2, 6, 48]
    # The patch in the second row and third column; its numbers by row, column and channel.
    corner = given.numpy()[1, :, 4:8, 8:12].transpose(1, 2, 0).reshape(-1)
    np.testing.assert_array_equal(patches[1, 5].numpy(), corner)
    np.testing.assert_array_equal(from_patches(patches, 4, (2, 3)).numpy(), given.numpy())


def test_outputs_leave_memory_and_register_tokens_out():
    model = build(num_register_tokens=3, num_memory_tokens=2, pooling="cls", attn_num_mem_kv=2)
    output = model(images(), output_attentions=True, output_hidden_states=True, return_dict=True)
    assert [states.shape for states in output.hidden_states] == [[2, 5, 32]] * 3
    assert [weights.shape for weights in output.attentions] == [[2, 4, 5, 5]] * 2
    bare = model.xvit(images(), return_dict=True)
    assert (bare.last_hidden_state == output.hidden_states[-1]).all()
    assert (bare.pooler_output == bare.last_hidden_state[:, 0]).all()


def test_attention_weights_are_those_of_the_patches():
    """With no other token every row of weights sums to one; with registers some weight goes to them."""
    plain = build()(images(), output_attentions=True, return_dict=True).attentions
    np.testing.assert_allclose(plain[0].sum(axis=-1).numpy(), 1, atol=1e-6)
    others = build(num_register_tokens=2, num_memory_tokens=2)(images(), output_attentions=True, return_dict=True)
    assert (others.attentions[0].sum(axis=-1) < 0.99).all()


def test_the_mean_is_that_of_the_patches():
    output = build(num_register_tokens=3).xvit(images(), return_dict=True)
    np.testing.assert_allclose(output.pooler_output.numpy(), output.last_hidden_state.numpy().mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("none", [None, 0])
def test_without_classes_the_logits_are_the_pooled_vector(none):
    model = build(num_classes=none)
    assert model.classifier is None and model.config.num_labels == 0
    np.testing.assert_array_equal(model(images()).numpy(), model.xvit(images())[1].numpy())


def test_tuples():
    model = build()
    assert isinstance(model(images()), paddle.Tensor)
    loss, logits, states, weights = model(
        images(), labels=paddle.to_tensor([1, 2]), output_hidden_states=True, output_attentions=True
    )
    assert (loss.shape, logits.shape, len(states), len(weights)) == ([], [2, 5], 3, 2)


def test_losses():
    logits = build()(images()).numpy().astype("float64")
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    model = build()
    loss = model(images(), labels=paddle.to_tensor([1, 4]))[0]
    assert float(loss) == pytest.approx(-np.log([shares[0, 1], shares[1, 4]]).mean(), rel=1e-5)
    left_out = model(images(), labels=paddle.to_tensor([-100, 4]))[0]
    assert float(left_out) == pytest.approx(-np.log(shares[1, 4]), rel=1e-5)
    present = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 0, 1]], "float32")
    each = 1 / (1 + np.exp(-logits))
    expected = -(present * np.log(each) + (1 - present) * np.log(1 - each)).mean()
    assert float(model(images(), labels=paddle.to_tensor(present))[0]) == pytest.approx(expected, rel=1e-5)
    number = build(num_classes=1)
    found = number(images()).numpy()[:, 0]
    loss = number(images(), labels=paddle.to_tensor([0.5, -1.0]))[0]
    assert float(loss) == pytest.approx(((found - [0.5, -1.0]) ** 2).mean(), rel=1e-5)


def test_rotary_and_alibi_count_patches_row_by_row():
    """Without a table the positions of patches are their places in the row: a longer image is no error."""
    for fields in ({"rotary_pos_emb": True}, {"position_bias": "alibi", "position_embedding": "none"}):
        model = build(**fields, num_register_tokens=2)
        assert model.xvit.embeddings.position_embeddings is None
        assert model(images(1, 12, 20)).shape == [1, 5]
    model = build(rotary_pos_emb=True)
    turned = model(images()[:, :, :, ::-1])
    assert np.abs((turned - model(images())).numpy()).max() > 1e-3


def test_nothing_tells_patches_apart_without_positions():
    model = build(position_embedding="none")
    patches = to_patches(images(), 4)[:, paddle.to_tensor([2, 0, 3, 1])]
    np.testing.assert_allclose(model(from_patches(patches, 4, (2, 2))).numpy(), model(images()).numpy(), atol=1e-5)


def test_images_of_another_size_with_interpolated_positions():
    model = build(pooling="cls")
    wide = images(2, 12, 20)
    with pytest.raises(InputError, match="interpolate_pos_encoding=True"):
        model(wide)
    found = model(wide, interpolate_pos_encoding=True)
    np.testing.assert_array_equal(model(images(), interpolate_pos_encoding=True).numpy(), model(images()).numpy())
    model.resize_images((12, 20))
    assert model.config.image_size == [12, 20]
    assert model.xvit.embeddings.position_embeddings.weight.shape == [16, 32]
    np.testing.assert_allclose(model(wide).numpy(), found.numpy(), atol=1e-5)
    with pytest.raises(InputError, match="12 x 20|image_size"):
        model(images())


def test_interpolation_of_a_constant_table_is_that_constant():
    model = build()
    table = model.xvit.embeddings.position_embeddings
    table.weight.set_value(paddle.full([4, 32], 0.5))
    np.testing.assert_allclose(table.resized((5, 3)).numpy(), 0.5, atol=1e-6)


def test_a_gradient_reaches_the_table_through_interpolation():
    model = build()
    model(images(2, 12), interpolate_pos_encoding=True).sum().backward()
    assert np.abs(model.xvit.embeddings.position_embeddings.weight.grad.numpy()).max() > 0


def test_patch_dropout_leaves_patches_out_in_training_only():
    model = build(image_size=16, patch_dropout=0.5, pooling="cls", num_register_tokens=2)
    model.eval()
    whole = model.xvit(images(3, 16), output_attentions=True, return_dict=True)
    assert whole.last_hidden_state.shape == [3, 17, 32]
    model.train()
    some = model.xvit(images(3, 16), output_attentions=True, return_dict=True)
    assert some.last_hidden_state.shape == [3, 9, 32]
    assert some.attentions[0].shape == [3, 4, 9, 9]


def test_patch_dropout_keeps_patches_with_their_positions():
    """Each kept token is one of those that are embedded without dropout, in their order; each image has its own."""
    model = build(image_size=16, patch_dropout=0.5, pooling="cls", num_register_tokens=2)
    given = images(3, 16)
    whole = model.xvit.embeddings(given)
    model.train()
    some = model.xvit.embeddings(given)
    assert (whole.kept, some.kept) == (17, 9)
    places = some.positions.numpy()
    for row in range(3):
        assert places[row, 0] == 0 and (np.diff(places[row]) > 0).all()
        assert list(places[row, -2:]) == [17, 18]
        np.testing.assert_array_equal(some.hidden[row].numpy(), whole.hidden[row].numpy()[places[row]])
    assert (places[0] != places[1]).any()
    assert build(patch_dropout=1.0).xvit.embeddings(given[:, :, :8, :8]).kept == 4  # not in training
    only = build(patch_dropout=1.0)
    only.train()
    assert only.xvit.embeddings(given[:, :, :8, :8]).kept == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (paddle.zeros([2, 3, 8, 8], dtype="uint8"), "dtype paddle.uint8.*XImageProcessor"),
        (np.zeros([2, 3, 8, 8], "float32"), "is a ndarray; give a tensor"),
        (paddle.zeros([3, 8, 8]), r"shape \[3, 8, 8\]; give \(batch, channels=3, height, width\)"),
        (paddle.zeros([2, 1, 8, 8]), "channels=3"),
        (paddle.zeros([2, 8, 8, 3]), "channels=3"),
        (paddle.zeros([2, 3, 8, 10]), "8 x 10 pixels, which patch_size=4 does not divide"),
        (paddle.zeros([2, 3, 8, 16]), "8 x 16 pixels, but the positions are those of image_size=8"),
    ],
)
def test_images_that_do_not_fit_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        build()(given)


def test_other_arguments_that_do_not_fit_are_refused():
    model = build()
    with pytest.raises(InputError, match="multi_label_classification with 5 outputs"):
        model(images(), labels=paddle.zeros([2, 4]))
    with pytest.raises(InputError, match="single_label_classification with 5 outputs"):
        model(images(), labels=paddle.zeros([3], dtype="int64"))
    with pytest.raises(InputError, match="no class"):
        model(images(), labels=paddle.to_tensor([1, 5]))
    with pytest.raises(InputError, match="needs a mask token"):
        model.xvit(images(), paddle.ones([2, 4], dtype="bool"))
    with pytest.raises(InputError, match="cross_attend=False"):
        model(images(), encoder_hidden_states=paddle.zeros([2, 3, 32]))
    with pytest.raises(InputError, match="no vocabulary"):
        model.resize_token_embeddings(9)


def test_a_size_that_patches_do_not_fill_changes_nothing():
    model = build()
    with pytest.raises(ValueError, match="patch_size=4"):
        model.resize_images(10)
    assert model.config.image_size == 8
    assert model(images()).shape == [2, 5]


def test_names_of_paddlenlp_and_the_old_port():
    config = XViTConfig(**SMALL)
    assert (config.hidden_size, config.num_hidden_layers, config.num_labels) == (32, 2, 5)
    assert XViTConfig(num_classes=7).id2label[6] == "LABEL_6"
    assert not hasattr(config, "vocab_size")
    assert XViTForImageClassification.main_input_name == XViTModel.main_input_name == "pixel_values"
    assert build().get_input_embeddings().weight.shape == [48, 32]


def test_recompute_changes_nothing():
    gradients = []
    for on in (False, True):
        model = build(num_register_tokens=2)
        model.train()
        if on:
            model.recompute_enable()
        model(images(), labels=paddle.to_tensor([1, 2]))[0].backward()
        gradients.append(model.xvit.embeddings.proj.weight.grad.numpy())
    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-6)
