"""Quickstart: train a small byte-level language model on real text, evaluate it, and serve it with Taskflow.

python model_zoo/quickstart/run.py                     # Python's standard library, 5 minutes on 2 CPU cores
python model_zoo/quickstart/run.py --text my_folder    # your own text
python model_zoo/quickstart/run.py --smoke             # a trial of seconds
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.program import INTERRUPTED, command, quiet_paddlenlp
from model_zoo.common.runs import Run
from model_zoo.quickstart import data, report
from model_zoo.quickstart.plan import SMOKE, Plan
from paddle_xformers import tune_cpu

MODEL = "this model"
PROMPT = "def "


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the quickstart.

    Args:
        arguments: Of the command line; None takes the program's.

    Returns:
        The exit status: 0, 2 for what the user can mend, 130 when interrupted.
    """
    return command("quickstart", _parser(), _run, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", help="a text file, or a folder of them (default: Python's standard library)")
    parser.add_argument("--output", help="folder of the run (default: runs/quickstart, with the name of --text)")
    parser.add_argument("--minutes", type=_minutes, help="time for training (default: 5)")
    parser.add_argument("--seed", type=int, default=1, help="of the weights and of the order of the text (default: 1)")
    parser.add_argument("--prompt", help=f"what to complete (default: {PROMPT!r}, or the start of a held-out text)")
    parser.add_argument("--smoke", action="store_true", help="a tiny model and a few steps, to see that all works")
    return parser


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not (math.isfinite(minutes) and minutes > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")
    return minutes


def _run(options: argparse.Namespace) -> int:
    plan = SMOKE if options.smoke else Plan()
    if options.minutes is not None:
        plan = replace(plan, seconds=60 * options.minutes, steps=None)
    corpus = data.load(options.text, plan.window, limit=1 << 20 if options.smoke else data.MAX_BYTES)
    run = Run(_folder(options), {**asdict(plan), "seed": options.seed, "text": corpus.digest})
    folder = run.folder
    print(f"Text: {corpus.source}")
    print(f"  to train on: {corpus.train_bytes:>12,} bytes in {len(corpus.train)} {corpus.unit}")
    print(f"  held out:    {corpus.held_out_bytes:>12,} bytes in {len(corpus.held_out)} {corpus.unit}", flush=True)
    tuned = tune_cpu()  # before the first matrix product
    quiet_paddlenlp()
    outcome = run.outcome
    if outcome is None:
        outcome = _train(plan, corpus, run, options.seed, tuned="threads" in tuned.applied)
        if outcome["interrupted"]:
            print(f"Interrupted; the same command goes on from the last checkpoint in {folder}.", file=sys.stderr)
            return INTERRUPTED
    else:
        print(f"Training was finished before; delete {folder}, or give another --output, to train again.")
    _show(plan, corpus, folder, outcome)
    _complete(plan, corpus, folder, options)
    return 0


def _folder(options: argparse.Namespace) -> Path:
    """Choose the folder of the run: another one for another text, so that runs do not get into each other's way."""
    if options.output:
        return Path(options.output).expanduser()
    name = "quickstart-smoke" if options.smoke else "quickstart"
    if options.text:
        name += f"-{Path(options.text).expanduser().resolve().stem}"
    return Path("runs") / name


def _train(plan: Plan, corpus: data.Corpus, run: Run, seed: int, tuned: bool) -> dict[str, Any]:
    """Train the model and save it, with its tokenizer, in folder/model; `tuned`: the threads are ours to choose."""
    from model_zoo.common.progress import newest_checkpoint
    from model_zoo.common.training import remove_checkpoints
    from model_zoo.quickstart import threads, training
    from paddle_xformers import XByteTokenizer

    folder = run.folder
    tokenizer = XByteTokenizer()
    model = training.fresh_model(plan, tokenizer, seed)
    parameters = sum(int(parameter.size) for parameter in model.parameters())
    limit = f"{plan.steps} steps" if plan.steps else f"{plan.seconds / 60:g} minutes"
    print(f"Model: {parameters:,} weights, {plan.depth} blocks of width {plan.dim}; training for {limit}", flush=True)
    if tuned:
        print(f"Threads: {threads.choose_threads(model, plan)} (the fastest of those tried)", flush=True)
    checkpoint = newest_checkpoint(folder)
    if checkpoint is not None:
        print(f"Going on from {checkpoint}", flush=True)
    windows = data.Windows(data.as_stream(corpus.train, tokenizer), plan.window)
    outcome = training.train(model, windows, plan, folder, seed)
    if not outcome["interrupted"]:
        model.generation_config.max_new_tokens = plan.new_tokens
        model.save_pretrained(folder / "model")
        tokenizer.save_pretrained(folder / "model")
        outcome["parameters"] = parameters
        run.note(outcome=outcome)
        remove_checkpoints(folder)
    return outcome


def _show(plan: Plan, corpus: data.Corpus, folder: Path, outcome: dict[str, Any]) -> None:
    """Evaluate the saved model and the compressors on the same held-out bytes; print the table, draw the curve."""
    from model_zoo.quickstart import evaluation
    from paddle_xformers import XByteTokenizer, XDecoderForCausalLM

    seen = outcome["steps"] * plan.batch * (plan.window - 1)
    speed = seen / outcome["seconds"]
    print(f"Trained: {outcome['steps']:,} steps, {seen:,} bytes in {outcome['seconds']:.0f} s ({speed:,.0f} bytes/s)")
    held_out = data.first_bytes(corpus.held_out, plan.held_out_bytes)
    content = b"".join(text.content for text in held_out)
    print(f"Evaluating on {len(content):,} held-out bytes ...", flush=True)
    model = XDecoderForCausalLM.from_pretrained(folder / "model")
    stream = data.as_stream(held_out, XByteTokenizer.from_pretrained(folder / "model"))
    primer = b"".join(text.content for text in data.first_bytes(corpus.train, plan.primer_bytes))
    bits = {
        MODEL: evaluation.model_bits(model, stream, plan.window),
        **evaluation.compressed_bits(content),
        "xz -9e, given the training text": evaluation.primed_bits(content, primer),
    }
    rows = {name: total / len(content) for name, total in bits.items()}
    print("\n" + report.table(rows, len(content)))
    print(report.verdict(rows[MODEL], rows["gzip -9"], seen, corpus.train_bytes, outcome["parameters"]))
    picture = folder / "loss.png"
    report.loss_curve(picture, outcome["history"], rows, MODEL, f"Byte-level XDecoderForCausalLM on {corpus.source}")
    print(f"Loss curve: {picture}\nModel:      {folder / 'model'}", flush=True)


def _complete(plan: Plan, corpus: data.Corpus, folder: Path, options: argparse.Namespace) -> None:
    """Complete a prompt with generate() and with Taskflow, and show the text."""
    from model_zoo.quickstart import completion

    prompt = options.prompt or PROMPT
    if options.text and not options.prompt:
        prompt = corpus.held_out[0].content[:64].decode("utf-8", errors="ignore").strip() or PROMPT
    by_generate, by_taskflow = completion.complete(folder / "model", prompt, plan.new_tokens, options.seed)
    same = "the same text" if by_generate == by_taskflow else "ANOTHER text"
    print(f"\nCompletion (AutoModelForCausalLM and generate; Taskflow gives {same}):")
    shown = report.printable(prompt + by_generate, sys.stdout.encoding or "utf-8")
    print("\n".join(f"  | {line}" for line in shown.split("\n")))


if __name__ == "__main__":
    sys.exit(main())
