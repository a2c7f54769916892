"""The tasks about images give what model, image processor and tokenizer give by hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
from PIL import Image

from paddle_xformers import XByteTokenizer, XImageProcessor

from .served import BY_NAME, LABELS, close, pictures

CLASSIFY, DESCRIBE = BY_NAME["image_classification-xvit"], BY_NAME["image_to_text-xcaption"]


def loaded(case: Any, folder: Path) -> tuple[Any, Any]:
    model = case.model_class.from_pretrained(folder)
    model.eval()
    return model, XImageProcessor.from_pretrained(folder)(pictures())["pixel_values"]


def test_image_classification(made: Any, folder_of: Any):
    model, pixels = loaded(CLASSIFY, folder_of(CLASSIFY))
    chances = paddle.nn.functional.softmax(model(pixels), axis=-1).numpy()
    for row, answer in enumerate(made(CLASSIFY)(pictures(), top_k=3)):
        best = chances[row].argsort()[::-1][:3]
        assert [one["label"] for one in answer["predictions"]] == [LABELS["id2label"][number] for number in best]
        np.testing.assert_allclose([one["score"] for one in answer["predictions"]], chances[row, best], atol=1e-6)


@pytest.mark.parametrize("keywords", [{}, {"decode_strategy": "beam_search", "num_beams": 3}])
def test_image_to_text(made: Any, folder_of: Any, keywords: dict[str, Any]):
    model, pixels = loaded(DESCRIBE, folder_of(DESCRIBE))
    tokenizer = XByteTokenizer.from_pretrained(str(folder_of(DESCRIBE)))
    ids, _ = model.generate(pixel_values=pixels, max_new_tokens=6, **keywords)
    wanted = tokenizer.batch_decode(ids.tolist(), skip_special_tokens=True)
    assert made(DESCRIBE)(pictures(), **keywords) == [{"answer": answer} for answer in wanted]


def test_several_descriptions_of_an_image(made: Any):
    keywords = {"decode_strategy": "beam_search", "num_beams": 3}
    several = made(DESCRIBE)(pictures()[:2], num_return_sequences=3, **keywords)
    assert len(several) == 6
    best = made(DESCRIBE)(pictures()[:2], num_return_sequences=1, **keywords)
    assert [several[0], several[3]] == best


@pytest.mark.parametrize("case", [CLASSIFY, DESCRIBE], ids=lambda case: case.name)
def test_an_image_may_come_as_many_things(case: Any, made: Any, tmp_path: Path):
    task, picture = made(case), pictures()[1]
    image = Image.fromarray(picture)
    image.save(tmp_path / "picture.png")
    file = io.BytesIO()
    image.save(file, "PNG")
    expected = task(picture)
    given = [str(tmp_path / "picture.png"), tmp_path / "picture.png", file.getvalue(), image, paddle.to_tensor(picture)]
    for one in given:
        assert close(task(one), expected), type(one)
    assert close(task(given), expected * len(given))


def test_an_array_with_four_axes_is_a_list(made: Any):
    batch = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype="uint8")
    assert close(made(CLASSIFY)(batch), made(CLASSIFY)(list(batch)))
    assert len(made(CLASSIFY)(batch)) == 3


def test_data_format_says_where_channels_stand(made: Any):
    picture = np.random.default_rng(0).integers(0, 256, (3, 8, 3), dtype="uint8")
    first = made(CLASSIFY)(picture, data_format="channels_first")
    assert close(first, made(CLASSIFY)(np.ascontiguousarray(picture.transpose(1, 2, 0)), data_format="channels_last"))


def test_only_what_an_image_file_may_be_is_opened(made: Any, tmp_path: Path):
    program = tmp_path / "picture.eps"
    program.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    with pytest.raises(ValueError, match="no image that can be read"):
        made(CLASSIFY)(str(program))
