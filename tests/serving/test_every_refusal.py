"""What every task refuses, by a sentence each: folders, texts and images that cannot be served."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from paddle_xformers import (
    XByteTokenizer,
    XEncoderForMaskedLM,
    XEncoderModel,
    XImageProcessor,
    XViTConfig,
    XViTModel,
)
from paddle_xformers.errors import CheckpointError, InputError

from .served import BY_NAME, CASES, LONGEST, OF_IMAGES, OF_TEXTS, Served, close, encoder, name_of


@pytest.fixture(params=CASES, ids=name_of)
def case(request: pytest.FixtureRequest) -> Served:
    return request.param


@pytest.fixture
def broken(case: Served, folder_of: Any, tmp_path: Path) -> Path:
    """A copy of the task's folder, to be damaged."""
    return Path(shutil.copytree(folder_of(case), tmp_path / "model"))


def test_a_missing_folder(case: Served, tmp_path: Path):
    with pytest.raises(CheckpointError, match="there is no folder"):
        case.taskflow(tmp_path / "nowhere")


def test_no_folder_is_named(case: Served):
    from paddlenlp import Taskflow

    with pytest.raises(InputError, match=rf"task_path=None.*Taskflow\('{case.task}', model='{case.model}'"):
        Taskflow(case.task, model=case.model)


def test_an_empty_folder(case: Served, tmp_path: Path):
    with pytest.raises(CheckpointError, match="no config.json"):
        case.taskflow(tmp_path)


def test_the_folder_of_another_family(case: Served, folder_of: Any):
    other = next(one for one in CASES if one.model != case.model)
    with pytest.raises(CheckpointError, match=f"type '{other.model}', but this task is for '{case.model}'"):
        case.taskflow(folder_of(other))


def test_a_damaged_configuration(case: Served, broken: Path):
    (broken / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        case.taskflow(broken)


def test_a_configuration_that_no_model_can_be_built_from(case: Served, broken: Path):
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "dim": -1}))
    with pytest.raises(CheckpointError, match=r"no model can be built from .*dim=-1"):
        case.taskflow(broken)


@pytest.mark.parametrize("damage", [{"id2label": ["a", "b"]}, {"id2label": {"a": "b"}}, {"architectures": 3}])
def test_a_configuration_that_paddlenlp_cannot_read(case: Served, broken: Path, damage: dict[str, Any]):
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, **damage}))
    try:
        case.taskflow(broken)
    except CheckpointError as error:
        assert str(broken) in str(error)
    else:
        assert "architectures" in damage  # of which we make nothing


@pytest.mark.parametrize(
    "damage",
    [{"decode_strategy": "best"}, {"temperature": "hot", "decode_strategy": "sampling"}, {"max_new_tokens": -1}, "["],
)
@pytest.mark.parametrize("case", [case for case in CASES if case.keywords], ids=name_of)
def test_damaged_generation_settings(case: Served, broken: Path, damage: Any):
    (broken / "generation_config.json").write_text(damage if isinstance(damage, str) else json.dumps(damage))
    with pytest.raises(CheckpointError, match=r"generation_config.json"):
        case.taskflow(broken)


def test_weights_of_other_sizes(case: Served, broken: Path):
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "dim": 16}))
    with pytest.raises(CheckpointError, match="other shapes"):
        case.taskflow(broken)


def test_missing_and_damaged_weights(case: Served, broken: Path):
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        case.taskflow(broken)
    weights.unlink()
    with pytest.raises(CheckpointError, match="no weights"):
        case.taskflow(broken)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"size": "large"}',
        '{"siz": 8}',
        '{"image_std": 0}',
        '{"rescale_factor": "x"}',
        '{"resample": []}',
        None,
    ],
)
@pytest.mark.parametrize("case", OF_IMAGES, ids=name_of)
def test_a_missing_or_damaged_image_processor(case: Served, broken: Path, content: str | None):
    file = broken / "preprocessor_config.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(CheckpointError, match=r"preprocessor_config.json|the image processor in"):
        case.taskflow(broken)


@pytest.mark.parametrize("content", ["{", "[]", '{"tokenizer_class": "NoSuchTokenizer"}', None])
@pytest.mark.parametrize("case", [case for case in CASES if case.texts], ids=name_of)
def test_a_missing_or_damaged_tokenizer(case: Served, broken: Path, content: str | None):
    file = broken / "tokenizer_config.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(CheckpointError, match="tokenizer"):
        case.taskflow(broken)


@pytest.mark.parametrize("case", OF_TEXTS, ids=name_of)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "text 0 is empty"),
        (["<mask>", ""], "text 1 is empty"),
        ([], "list of texts is empty"),
        (["<mask>", 3], "text 1 is a int"),
        (None, "the text is a NoneType"),
        ({"text": "a"}, "the text is a dict"),
        ("\ud800", "surrogate"),
        ("<mask>" + "x" * LONGEST, f"max_seq_len={LONGEST}"),
    ],
)
def test_texts_that_cannot_be_read(case: Served, made: Any, given: Any, words: str):
    with pytest.raises(InputError, match=words):
        made(case)(given)


@pytest.mark.parametrize("case", OF_TEXTS, ids=name_of)
def test_padding_that_the_model_has_no_token_for(case: Served, broken: Path, made: Any):
    """It is masked, but an answer that ends before others of its batch goes on with it."""
    tokenizer = XByteTokenizer(pad_token="<fill>", add_cls_sep_tokens=case.model == "xencoder")  # the 265th
    tokenizer.save_pretrained(broken)
    if not case.keywords:
        assert close(case.taskflow(broken)(case.inputs()), made(case)(case.inputs()))
        return
    (broken / "generation_config.json").write_text("{}")
    with pytest.raises(
        InputError, match=r"pad_token_id=264 is no token of the model, which has \w+=264: give ids below"
    ):
        case.taskflow(broken)
    assert case.taskflow(broken, pad_token_id=0)(case.inputs())
    with pytest.raises(InputError, match=r"eos_token_id=\[2, 999\] is no token"):
        made(case)(case.inputs(), eos_token_id=[2, 999])


@pytest.mark.parametrize("case", OF_TEXTS, ids=name_of)
def test_the_longest_text_is_read(case: Served, made: Any):
    around = {"xencoder": 2}.get(case.model, 0) + (6 if case.task == "text_generation" else 0)
    text = "<mask>" + "x" * (LONGEST - around - 1)
    made(case)(text)
    with pytest.raises(InputError, match=f"text 1 has .*{LONGEST + 1}"):
        made(case)([text, text + "x"])


@pytest.mark.parametrize("case", OF_TEXTS, ids=name_of)
def test_a_tokenizer_of_a_larger_vocabulary(case: Served, broken: Path):
    tokenizer = XByteTokenizer.from_pretrained(str(broken))
    tokenizer.add_tokens(["<new>"])
    tokenizer.save_pretrained(broken)
    with pytest.raises(InputError, match="text 0 has the token id 264, but the model in .*num_tokens=264"):
        case.taskflow(broken)("<mask><new>")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "text.png").write_text("no image")
    Image.fromarray(np.zeros((50, 50, 3), "uint8")).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path


@pytest.mark.parametrize("case", OF_IMAGES, ids=name_of)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "list of images is empty"),
        (None, "image 0: .*NoneType"),
        (7, "image 0: .*int"),
        ([np.zeros([8, 8, 3]), "nowhere.png"], "image 1: .*does not exist"),
        ("text.png", "image 0: .*no image"),
        ("cut.png", "image 0: .*damaged"),
        (b"", "image 0: .*no image"),
        (np.full([8, 8, 3], 7.0), "image 0: .*0 to 1"),
        (np.zeros([8, 8, 3], "int64"), "image 0: .*dtype int64"),
        (np.zeros([8], "uint8"), "image 0: .*shape"),
        ([[np.zeros([8, 8, 3])]], "image 0 is a list of images"),
        (np.zeros([3, 8, 3]), "data_format="),
    ],
)
def test_images_that_are_none(case: Served, made: Any, files: Path, monkeypatch: Any, given: Any, words: str):
    monkeypatch.chdir(files)
    with pytest.raises(InputError, match=words):
        made(case)(given)


@pytest.mark.parametrize("case", OF_IMAGES, ids=name_of)
def test_a_processor_of_another_size_or_with_none(case: Served, broken: Path):
    XImageProcessor(size=16).save_pretrained(broken)
    if case.model == "xvit":  # rotary positions take any size
        assert case.taskflow(broken)(np.zeros([8, 8, 3]))
    XImageProcessor(size=9).save_pretrained(broken)
    with pytest.raises(InputError, match="patch_size=4"):
        case.taskflow(broken)(np.zeros([8, 8, 3]))
    XImageProcessor(do_resize=False).save_pretrained(broken)
    with pytest.raises(InputError, match="different sizes"):
        case.taskflow(broken)([np.zeros([8, 8, 3]), np.zeros([12, 8, 3])])


def test_several_arguments_are_not_several_inputs(case: Served, made: Any):
    with pytest.raises(InputError, match="got 2 arguments: give one"):
        made(case)(*case.inputs()[:2])


@pytest.mark.parametrize("name", ["text_classification-xencoder", "token_classification-xencoder"])
def test_a_model_without_the_head_would_answer_noise(name: str, tmp_path: Path):
    XEncoderForMaskedLM(encoder()()).save_pretrained(tmp_path)
    XByteTokenizer().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"no weights for classifier.bias, classifier.weight of XEncoderFor"):
        BY_NAME[name].taskflow(tmp_path)


def test_a_tied_head_is_no_missing_weight(tmp_path: Path):
    XEncoderModel(encoder(tie_word_embeddings=True)()).save_pretrained(tmp_path / "tied")
    XEncoderModel(encoder()()).save_pretrained(tmp_path / "free")
    for folder in ("tied", "free"):
        XByteTokenizer().save_pretrained(tmp_path / folder)
    assert BY_NAME["fill_mask-xencoder"].taskflow(tmp_path / "tied")("<mask>")
    with pytest.raises(CheckpointError, match="no weights for lm_head.weight"):
        BY_NAME["fill_mask-xencoder"].taskflow(tmp_path / "free")


def test_images_without_classes(tmp_path: Path):
    XViTModel(XViTConfig(image_size=8, patch_size=4, dim=32, depth=1, num_classes=0)).save_pretrained(tmp_path)
    XImageProcessor(size=8).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="num_labels=0, so no classes"):
        BY_NAME["image_classification-xvit"].taskflow(tmp_path)


def test_fill_mask_wants_a_mask(made: Any, tmp_path: Path):
    case = BY_NAME["fill_mask-xencoder"]
    with pytest.raises(InputError, match="text 1 has no mask: write <mask> where"):
        made(case)(["<mask>", "to be"])
    with pytest.raises(InputError, match="text 0 has no mask"):
        made(case)("[MASK]")
    case.save(tmp_path)
    XByteTokenizer(mask_token=None).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="has no mask token"):
        case.taskflow(tmp_path)
    XByteTokenizer(mask_token="[MASK]").save_pretrained(tmp_path)  # a new token behind the 264
    with pytest.raises(CheckpointError, match="mask token id 264, beyond the model's num_tokens=264"):
        case.taskflow(tmp_path)


def test_a_threshold_needs_labels_that_hold_together(made: Any):
    with pytest.raises(InputError, match="threshold=0.3 has no effect"):
        made(BY_NAME["text_classification-xencoder"])("a", threshold=0.3)
    with pytest.raises(InputError, match="threshold=2 is not allowed"):
        made(BY_NAME["image_classification-xvit"])(np.zeros([8, 8, 3]), threshold=2)
