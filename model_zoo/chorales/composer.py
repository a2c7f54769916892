"""The model: its rows, its training, its scores on the chorales that are held out, and a picture of what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.chorales import baseline
from model_zoo.chorales.data import END, FIRST, HIGHEST, HOLD, LOWEST, NUM_TOKENS, PAD, START, Chorales, fits, tokens
from model_zoo.chorales.score import STEPS, VOICES
from model_zoo.common import report
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.runs import Run
from paddle_xformers import XMultiInputConfig, XMultiInputForCausalLM
from paddle_xformers._compat import import_paddle, import_paddlenlp

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.data import DefaultDataCollator  # noqa: E402

MOVES = range(-6, 6)  # semitones
LEFT_OUT = -100  # label of what is no target
BATCH = 32  # windows at once in the evaluation
GIVEN, WRITTEN = 32, 64  # eighths of the example: of the piece, of the model
EXAMPLE = "example.png"


class Rows:
    """A row for each window of the pieces, moved by another number of semitones in every epoch.

    Args:
        pieces: The chorales.
        width: Places of a row.
        seed: Of the moves.
    """

    def __init__(self, chorales: Chorales, width: int, seed: int) -> None:
        self.pieces, self.width, self.seed = chorales.pieces, width, seed
        self.windows = [(at, first) for at, piece in enumerate(self.pieces) for first in _starts(len(piece) + 2, width)]
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the moves of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        self.moves = [int(rng.choice([move for move in MOVES if fits(piece, move)])) for piece in self.pieces]

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        at, first = self.windows[index]
        return _row(tokens(self.pieces[at], self.moves[at])[first : first + self.width], self.width)


def _starts(length: int, width: int) -> range:
    """Where windows begin that overlap by half, each with something to foresee."""
    return range(0, max(length - width // 2, 1), width // 2)


def _row(ids: np.ndarray, width: int) -> dict[str, np.ndarray]:
    """A row of the model, padded behind: ids and labels (width, voices), mask (width)."""
    missing = width - len(ids)
    mask = np.arange(width) < len(ids)
    filled = np.pad(ids, ((0, missing), (0, 0)), constant_values=PAD)
    labels = np.where(mask[:, None], filled, LEFT_OUT)
    return {"input_ids": filled, "labels": labels, "attention_mask": mask.astype(np.int64)}


def train(run: Run, plan: Plan, fields: dict[str, Any], chorales: Chorales, seed: int) -> bool:
    """Train the model, and save it.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model.
        chorales: To train on.
        seed: Of weights, dropout, order and moves.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    names = {"stream_names": list(VOICES), "stream_num_tokens": [NUM_TOKENS] * len(VOICES)}
    special = {"pad_token_id": PAD, "bos_token_id": START, "eos_token_id": END}
    config = XMultiInputConfig(**fields, **names, **special)
    rows = Rows(chorales, config.max_seq_len, seed)
    return fit(
        run,
        plan,
        seed,
        lambda: XMultiInputForCausalLM(config),
        rows,
        lambda model: model.save_pretrained(run.model),
        DefaultDataCollator(),
    )


def show(run: Run, plan: Plan, chorales: Chorales, held_out: Chorales) -> None:
    """Score the saved model and the baselines on the chorales that are held out, and draw an example.

    Args:
        run: The finished run.
        plan: Its length.
        chorales: What the baselines count.
        held_out: What all foresee.
    """
    print(report.trained(run.outcome or {}, plan.batch), flush=True)
    model = XMultiInputForCausalLM.from_pretrained(str(run.model))
    model.eval()
    width = model.config.max_seq_len
    windows = [
        ids[first : first + width]
        for ids in map(tokens, held_out.pieces)
        for first in range(0, len(ids) - 1, width)
        if len(ids) - first > 1
    ]
    found = {"this model": model_scores(model, windows)}
    moved = [tokens(piece, move) for piece in chorales.pieces for move in MOVES if fits(piece, move)]
    found |= baseline.scores(moved, windows)
    run.note(scores=found)
    count = sum((len(window) - 1) * len(VOICES) for window in windows)
    print(f"\n{len(windows)} windows, {count:,} tokens of four voices")
    print(report.table(["held out", "nats", "right"], found))
    draw(model, held_out.pieces[0], run.folder / EXAMPLE)
    print(f"\nModel: {run.model}; a chorale that goes on: {run.folder / EXAMPLE}")


def model_scores(model: Any, windows: list[np.ndarray]) -> list[float]:
    """Nats a token, and the share of tokens that were the likeliest, of all voices."""
    nats, right = [], []
    for first in range(0, len(windows), BATCH):
        rows = [_row(window, model.config.max_seq_len) for window in windows[first : first + BATCH]]
        ids, mask = (
            paddle.to_tensor(np.stack([row[name] for row in rows])) for name in ("input_ids", "attention_mask")
        )
        with paddle.no_grad():
            logits = model(ids, attention_mask=mask, return_dict=True).logits
        targets, counted = ids[:, 1:].numpy(), mask[:, 1:].numpy() > 0
        for voice, name in enumerate(VOICES):
            chances = paddle.nn.functional.log_softmax(logits[name][:, :-1], axis=-1).numpy()
            wanted = targets[:, :, voice]
            nats.append(-np.take_along_axis(chances, wanted[..., None], axis=-1)[..., 0][counted])
            right.append((chances.argmax(-1) == wanted)[counted])
    return [float(np.concatenate(part).mean()) for part in (nats, right)]


def draw(model: Any, piece: np.ndarray, path: Path) -> None:
    """Draw the beginning of a piece and how the model goes on.

    Args:
        model: The model.
        piece: (eighths, voices).
        path: Where the picture goes.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    width = model.config.max_seq_len
    given = tokens(piece)[: min(GIVEN, width // 2)]
    paddle.seed(0)
    more = model.generate(paddle.to_tensor(given[None]), min(WRITTEN, width - len(given)), temperature=0.8, top_k=8)
    whole = np.concatenate([given, np.stack([more[name][0].numpy() for name in VOICES], axis=1)])
    figure, axes = pyplot.subplots(figsize=(10, 3.5), layout="constrained")
    for voice, name in enumerate(VOICES):
        for start, length, pitch in sounding(whole[:, voice]):
            axes.barh(pitch, length / STEPS, left=start / STEPS, color=f"C{voice}", label=name, edgecolor="white")
    axes.axvline((len(given) - 1) / STEPS, color="black", linestyle="--")
    axes.set(xlabel="quarters; from the line on by the model", ylabel="pitch (MIDI)", ylim=(LOWEST, HIGHEST))
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(handles.values(), handles.keys(), ncols=4, loc="upper center")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def sounding(line: np.ndarray) -> list[tuple[int, int, int]]:
    """Start, length and pitch of the notes of a voice, in places; the first place is START."""
    notes: list[tuple[int, int, int]] = []
    going = False
    for place, token in enumerate(line.tolist()):
        if token == END:
            break
        if token == HOLD and going:
            start, length, pitch = notes.pop()
            notes.append((start, length + 1, pitch))
        else:
            going = token >= FIRST
            if going:
                notes.append((place - 1, 1, token - FIRST + LOWEST))
    return notes
