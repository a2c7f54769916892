"""What every task promises, whatever it does: batches, threads, keywords, an untouched folder, no network."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers.errors import InputError
from paddle_xformers.serving.tasks import SERVED

from .served import CASES, Served, close, name_of


@pytest.fixture(params=CASES, ids=name_of)
def case(request: pytest.FixtureRequest) -> Served:
    return request.param


def test_every_task_is_tested_here():
    assert [(row.task, row.model, row.model_class) for row in SERVED] == [
        (case.task, case.model, case.model_class.__name__)
        for case in sorted(CASES, key=lambda case: [row.task for row in SERVED].index(case.task))
    ]


def test_one_input_gives_one_answer_and_a_list_one_for_each(case: Served, made: Any):
    task, inputs = made(case), case.inputs()
    together = task(inputs)
    assert len(together) == len(inputs)
    for one, answer in zip(inputs, together, strict=True):
        alone = task(one)
        assert len(alone) == 1
        assert close(alone[0], answer)
    assert not close(together[0], together[1])
    if not case.images:
        assert [answer["text"] for answer in together] == inputs


@pytest.mark.parametrize("size", [1, 3])
def test_batches_do_not_change_answers(case: Served, made: Any, size: int):
    task = made(case)
    assert close(task(case.inputs(), batch_size=size), task(case.inputs()))


def test_eight_threads_get_the_answers_of_one(case: Served, made: Any):
    task, inputs = made(case), case.inputs()
    expected = [task(one) for one in inputs]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(task, inputs * 4))
    assert all(map(close, found, expected * 4))


def test_only_one_thread_at_a_time_has_paddle(case: Served, made: Any, monkeypatch: pytest.MonkeyPatch):
    task, inputs = made(case), case.inputs()
    compute, inside, most = task.task_instance._compute, [], []

    def counted(*args: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.005)  # in which another thread would come in
        found = compute(*args)
        inside.pop()
        return found

    monkeypatch.setattr(task.task_instance, "_compute", counted)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(task, inputs * 2))
    assert max(most) == 1


def test_tasks_may_be_made_in_threads(case: Served, made: Any, folder_of: Any):
    expected = made(case)(case.inputs()[0])
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: case.taskflow(folder_of(case))(case.inputs()[0]), range(8)))
    assert all(close(answer, expected) for answer in found)


def test_the_folder_is_only_read(case: Served, folder_of: Any):
    folder = folder_of(case)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    case.taskflow(folder)(case.inputs())
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_no_statistics_are_sent(case: Served, folder_of: Any, monkeypatch: pytest.MonkeyPatch):
    import paddlenlp.taskflow.utils as utils

    started: list[str] = []
    monkeypatch.setattr(utils, "DOWNLOAD_CHECK", False)
    monkeypatch.setattr(utils.DownloaderCheck, "start", lambda self: started.append("checker"))
    monkeypatch.setattr(utils.DownloaderCheck, "join", lambda self: None)
    case.taskflow(folder_of(case))
    assert not started


def test_static_mode_of_the_caller_is_kept(case: Served, made: Any):
    task, inputs = made(case), case.inputs()
    expected = task(inputs)
    paddle.enable_static()
    try:
        assert close(task(inputs), expected)
        assert not paddle.in_dynamic_mode()
    finally:
        paddle.disable_static()


def test_keywords_of_the_constructor_are_defaults_and_checked(case: Served, folder_of: Any, made: Any):
    assert close(case.taskflow(folder_of(case), batch_size=1)(case.inputs()), made(case)(case.inputs()))
    with pytest.raises(InputError, match="batch_size=0 is not allowed: give a whole number of at least 1"):
        case.taskflow(folder_of(case), batch_size=0)
    with pytest.raises(InputError, match=f"'batch_sizes' is not a keyword of {case.task}: did you mean 'batch_size'"):
        made(case)(case.inputs(), batch_sizes=2)


@pytest.mark.parametrize("case", [case for case in CASES if case.keywords], ids=name_of)
def test_a_saved_number_of_answers_that_greedy_search_does_not_give(case: Served, folder_of: Any, tmp_path: Path):
    copy = Path(shutil.copytree(folder_of(case), tmp_path / "model"))
    saved = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(
        json.dumps({**saved, "decode_strategy": "sampling", "num_return_sequences": 2})
    )
    task, inputs = case.taskflow(copy), case.inputs()
    assert len(task(inputs)) == len(task(inputs, top_k=3)) == 2 * len(inputs)
    greedy = task(inputs, decode_strategy="greedy_search")
    assert greedy == case.taskflow(folder_of(case))(inputs)


def test_the_model_stays_as_it_was(case: Served, made: Any):
    task = made(case)
    model = task.task_instance._model
    before = {name: weight.numpy() for name, weight in model.state_dict().items()}
    task(case.inputs())
    assert not model.training
    assert all(np.array_equal(weight.numpy(), before[name]) for name, weight in model.state_dict().items())


def test_help_shows_how(case: Served, made: Any, capsys: pytest.CaptureFixture[str]):
    made(case).help()
    assert f'Taskflow("{case.task}", model=' in capsys.readouterr().out
