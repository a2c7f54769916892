"""The model: sentences with numbers, its training, its scores on the flights of days that are held out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.common import report
from model_zoo.common.files import write_whole
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.runs import Run
from model_zoo.flights import baseline
from model_zoo.flights.data import NUMBERS, WORDS, Flights
from paddle_xformers import XValConfig, XValForCausalLM
from paddle_xformers._compat import import_paddle, import_paddlenlp

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.data import DefaultDataCollator  # noqa: E402

PAD, START, END, UNKNOWN, NUMBER = "<pad>", "<s>", "</s>", "<unk>", "<number>"
SPECIAL = (PAD, START, END, UNKNOWN, NUMBER)
ARRIVED = "arrived late"
SAYINGS = "sayings.json"
ANSWER = -2  # where it begins: a number, then the end
LEFT_OUT = -100  # label of what is no target
BATCH = 1024  # flights at once


class Sayings:
    """Flights as sentences: words become ids, numbers go beside the id that stands for them.

    Numbers are brought near zero: less their middle, by their spread, and through asinh, which keeps small ones and
    shortens large ones.

    Args:
        words: The vocabulary, in the order of the ids.
        scales: Middle and spread of each kind of number.
    """

    def __init__(self, words: list[str], scales: dict[str, tuple[float, float]]) -> None:
        self.words, self.scales = words, scales
        self.ids = {word: number for number, word in enumerate(words)}

    @classmethod
    def of(cls, flights: Flights) -> Sayings:
        """Make the vocabulary and measure the numbers."""
        said = sorted({word for column in flights.words.T for word in column.tolist()})
        kinds = {name: flights.numbers[:, at] for at, name in enumerate(NUMBERS)} | {ARRIVED: flights.late}
        scales = {name: (float(np.median(values)), float(values.std() or 1.0)) for name, values in kinds.items()}
        return cls([*SPECIAL, *WORDS, *NUMBERS, ARRIVED, *said], scales)

    @classmethod
    def load(cls, folder: Path) -> Sayings:
        """Read them from the folder of a model."""
        saved = json.loads((folder / SAYINGS).read_text(encoding="utf-8"))
        return cls(saved["words"], {name: tuple(scale) for name, scale in saved["scales"].items()})

    def save(self, folder: Path) -> None:
        """Write them beside a model."""
        content = {"words": self.words, "scales": self.scales}
        write_whole(folder / SAYINGS, (json.dumps(content, indent=1) + "\n").encode())

    def scaled(self, values: np.ndarray, kind: str) -> np.ndarray:
        """Bring numbers of a kind near zero."""
        middle, spread = self.scales[kind]
        return np.arcsinh((values - middle) / spread).astype(np.float32)

    def unscaled(self, values: np.ndarray, kind: str) -> np.ndarray:
        """Bring them back."""
        middle, spread = self.scales[kind]
        return np.sinh(values.astype(np.float64)) * spread + middle

    def questions(self, flights: Flights) -> tuple[np.ndarray, np.ndarray]:
        """Say all that was known when each flight took off, and ask how late it arrived.

        Args:
            flights: The flights.

        Returns:
            Ids and numbers, (flights, length) each.
        """
        count = len(flights.late)
        ids, numbers = [self._same(START, count)], [np.ones(count, np.float32)]
        for at, name in enumerate(WORDS):
            said = [self.ids.get(word, self.ids[UNKNOWN]) for word in flights.words[:, at].tolist()]
            ids += [self._same(name, count), np.array(said)]
            numbers += [np.ones(count, np.float32)] * 2
        for at, name in enumerate(NUMBERS):
            ids += [self._same(name, count), self._same(NUMBER, count)]
            numbers += [np.ones(count, np.float32), self.scaled(flights.numbers[:, at], name)]
        return np.stack([*ids, self._same(ARRIVED, count)], axis=1), np.stack([*numbers, numbers[0]], axis=1)

    def sentences(self, flights: Flights) -> tuple[np.ndarray, np.ndarray]:
        """Say the same with the answer and the end, (flights, length + 2) each."""
        count = len(flights.late)
        ids, numbers = self.questions(flights)
        answer = np.stack([self._same(NUMBER, count), self._same(END, count)], axis=1)
        late = np.stack([self.scaled(flights.late, ARRIVED), np.ones(count, np.float32)], axis=1)
        return np.concatenate([ids, answer], axis=1), np.concatenate([numbers, late], axis=1)

    def _same(self, word: str, count: int) -> np.ndarray:
        return np.full(count, self.ids[word], np.int64)


class Rows:
    """A row for each flight, of which the answer is learned, and not what flights there are.

    Args:
        flights: The flights.
        sayings: What turns them into sentences.
    """

    def __init__(self, flights: Flights, sayings: Sayings) -> None:
        self.ids, self.numbers = sayings.sentences(flights)
        self.labels = self.ids.copy()
        self.labels[:, :ANSWER] = LEFT_OUT

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {"input_ids": self.ids[index], "input_numbers": self.numbers[index], "labels": self.labels[index]}


def train(run: Run, plan: Plan, fields: dict[str, Any], flights: Flights, seed: int) -> bool:
    """Train the model, and save it with its vocabulary and scales.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model.
        flights: To train on.
        seed: Of weights, dropout and order.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    sayings = Sayings.of(flights)
    special = {"pad_token_id": PAD, "bos_token_id": START, "eos_token_id": END, "numerical_token_id": NUMBER}
    known = {name: sayings.ids[word] for name, word in special.items()}
    config = XValConfig(**fields, num_tokens=len(sayings.words), **known)

    def save(model: Any) -> None:
        model.save_pretrained(run.model)
        sayings.save(run.model)

    rows = Rows(flights, sayings)
    return fit(run, plan, seed, lambda: XValForCausalLM(config), rows, save, DefaultDataCollator())


def lateness(model: Any, sayings: Sayings, flights: Flights) -> np.ndarray:
    """Let the model say how late flights arrive.

    Args:
        model: The trained model.
        sayings: What it was trained with.
        flights: The flights; their lateness is not looked at.

    Returns:
        Minutes, (flights); nan where it says something else than a number.
    """
    found, (ids, numbers) = [], sayings.questions(flights)
    for first in range(0, len(ids), BATCH):
        part = slice(first, first + BATCH)
        said = model.generate(
            paddle.to_tensor(ids[part]), input_numbers=paddle.to_tensor(numbers[part]), max_new_tokens=1
        )
        found.append(said.numbers[:, 0].numpy())
    return sayings.unscaled(np.concatenate(found), ARRIVED)


def show(run: Run, plan: Plan, flights: Flights, held_out: Flights) -> None:
    """Score the saved model and the baselines on the days that are held out.

    Args:
        run: The finished run.
        plan: Its length.
        flights: What the baselines train on.
        held_out: What all are asked.
    """
    print(report.trained(run.outcome or {}, plan.batch), flush=True)
    model, sayings = XValForCausalLM.from_pretrained(str(run.model)), Sayings.load(run.model)
    model.eval()
    found = {"this model": lateness(model, sayings, held_out), **baseline.predictions(flights, held_out)}
    scores = {name: errors(minutes, held_out.late) for name, minutes in found.items()}
    run.note(scores=scores)
    print("\nHow late flights arrive, said when they take off: minutes off, share at most 10 minutes off")
    print(report.table(["held out", "minutes", "within 10"], scores))
    print(f"\nModel: {run.model}")


def errors(found: np.ndarray, truth: np.ndarray) -> list[float]:
    """Mean absolute error, and the share at most 10 minutes off; no number counts as on time."""
    error = np.abs(np.nan_to_num(found) - truth)
    return [float(error.mean()), float((error <= 10).mean())]
