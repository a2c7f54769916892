"""Saves that the system cuts short, in a process of their own: `python -m tests.models.interrupted limit FOLDER`.

Prints one JSON line for each save: what happened, and whether the folder still loads as a whole model.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from paddle_xformers import XDecoderForCausalLM

from ..contracts.cases import build
from .small import content, weights

FORMATS = {
    "safetensors": {},
    "pdparams": {"safe_serialization": False},
    "shards": {"max_shard_size": "70KB"},
}


def who_is(folder: Path, known: dict[str, Any]) -> str:
    """Name the known model that the folder holds, or say what is wrong with it."""
    try:
        found = weights(XDecoderForCausalLM.from_pretrained(folder))
    except Exception as error:  # whatever it is, the test shall report it
        return f"{type(error).__name__}: {error}"
    for name, model in known.items():
        expected = weights(model)
        if found.keys() == expected.keys() and all((found[key] == expected[key]).all() for key in found):
            return name
    return "a mixture"


def limited(folder: Path) -> Iterator[dict[str, Any]]:
    """No file may grow beyond a size that the weights need: the kernel itself refuses the write."""
    old, new = build({}, seed=1), build({}, seed=2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name, way in FORMATS.items():
        place = folder / name
        old.save_pretrained(place, **way)
        before, entries = content(place), sorted(os.listdir(place))
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
        try:
            new.save_pretrained(place, **way)
            raised, sentence = "nothing", ""
        except Exception as error:
            raised, sentence = type(error).__name__, str(error)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        same = content(place) == before and sorted(os.listdir(place)) == entries
        model = who_is(place, {"old": old, "new": new})
        yield {"format": name, "raised": raised, "sentence": sentence, "same": same, "model": model}


def in_child(work: Callable[[], None], seconds: float | None = None) -> None:
    """Run `work` in a fork, killed after so many seconds if it has not ended."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def killed_at_any_time(folder: Path) -> Iterator[dict[str, Any]]:
    models = {"old": build({}, seed=1), "new": build({}, seed=2)}
    models["old"].save_pretrained(folder)

    def save_on_and_on() -> None:
        while True:
            for model in models.values():
                model.save_pretrained(folder)

    for _ in range(15):
        in_child(save_on_and_on, random.uniform(0.002, 0.08))
        left_over = [path.name for path in folder.iterdir() if path.is_dir()]
        yield {"model": who_is(folder, models), "left over": left_over}
    models["new"].save_pretrained(folder)
    yield {"model": who_is(folder, models), "entries": sorted(os.listdir(folder))}


def killed_while_moving(folder: Path) -> Iterator[dict[str, Any]]:
    """Killed after each single file that took its place, or was removed."""
    shards = FORMATS["shards"]
    cases = {
        "same kind": (build({}, seed=1), {}, build({}, seed=2), {}),
        "shards": (build({}, seed=1), shards, build({}, seed=2), shards),
        "other format": (build({}, seed=1), {}, build({}, seed=2), FORMATS["pdparams"]),
        "other architecture": (build({}, seed=1), {}, build({"depth": 1, "norm": "rmsnorm"}, seed=2), {}),
    }
    for case, (old, before, new, after) in cases.items():
        for allowed in range(6):
            place = folder / f"{case} {allowed}"
            old.save_pretrained(place, **before)

            def save_until_killed() -> None:
                steps, rename, replace, unlink = [0], os.rename, os.replace, Path.unlink

                def counted(step: Callable[..., Any]) -> Callable[..., Any]:
                    def run(*args: Any, **kwargs: Any) -> Any:
                        if steps[0] == allowed:  # noqa: B023
                            os.kill(os.getpid(), signal.SIGKILL)
                        steps[0] += 1
                        return step(*args, **kwargs)

                    return run

                os.rename, os.replace, Path.unlink = counted(rename), counted(replace), counted(unlink)
                new.save_pretrained(place, **after)  # noqa: B023

            in_child(save_until_killed)
            yield {"case": case, "allowed": allowed, "model": who_is(place, {"old": old, "new": new})}


MODES = {"limit": limited, "kill": killed_at_any_time, "move": killed_while_moving}

if __name__ == "__main__":
    for result in MODES[sys.argv[1]](Path(sys.argv[2])):
        print(json.dumps(result), flush=True)
