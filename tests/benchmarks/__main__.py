"""`make bench`: the workloads of the field, paired in one run against lm-eval's `hf` back end.

    python -m tests.benchmarks [WORKLOAD ...] [--shape toy|8b] [--device cpu|cuda] [--full] [--repeats N] [--out FILE]

Both sides get the same model object and the same requests. lm-eval runs at the best of a few batch
sizes; without `--full` it is timed on a part of the contexts and scaled by tokens, which favours
neither side, because it shares nothing between contexts.
"""

import argparse
import datetime
import json
import logging
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tests.benchmarks import toy as toys
from tests.benchmarks.measure import Cost, limit, matrix_rate, measure, work
from tests.benchmarks.oracle import LmEval, differences
from tests.benchmarks.workloads import LARGE, WORKLOADS, Workload
from verify.records import Generate
from verify.runtime.causal.engine import CausalEngine


class _Sides(NamedTuple):
    """Both sides on one model."""

    engine: CausalEngine
    lm: LmEval
    model: Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print a line for each workload, and write the result file."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--shape", choices=list(toys.SHAPES), default="toy")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--full", action="store_true", help="time lm-eval on all contexts")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks.json"))
    given = parser.parse_args(arguments)
    unknown = set(given.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"no workload {', '.join(sorted(unknown))}; there are: {', '.join(WORKLOADS)}")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    toy = toys.make(shape=given.shape, device=given.device)
    logging.disable(logging.WARNING)
    sides = _Sides(CausalEngine(toy.loaded()), LmEval(toy), toy.model)
    _warm_up(sides.engine)
    makers = WORKLOADS if given.device == "cpu" else LARGE
    found: dict[str, Any] = {}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    for name in given.workloads or makers:
        found[name] = _compare(makers[name](toy), sides, repeats=given.repeats, full=given.full)
        _print(name, found[name])
        given.out.write_text(
            json.dumps(_report(found, sides, given), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return 0


def _warm_up(engine: CausalEngine) -> None:
    """Let the engine make its trial of writing side by side, which belongs to opening a subject."""
    list(engine.answer([Generate(prompt=text, max_tokens=1) for text in ("가", "나")]))


def _compare(workload: Workload, sides: _Sides, *, repeats: int, full: bool) -> dict[str, Any]:
    engine, lm, device = sides.engine, sides.lm, sides.model.device
    requests = workload.requests
    part = lm.thin(requests, every=1 if full else workload.every)
    batch = lm.best_batch(part)
    ours: list[Cost] = []
    theirs: list[Cost] = []
    for _ in range(repeats):
        before = engine.tokens_run()
        ours.append(measure(lambda: {a.position: a.response for a in engine.answer(requests)}, device=device))
        run = engine.tokens_run()
        theirs.append(measure(lambda: lm.run(part.requests, batch=batch), device=device))
    apart = differences(part, ours[-1].result, theirs[-1].result)
    ratios = [t.seconds * part.scale / o.seconds for o, t in zip(ours, theirs, strict=True)]
    forwarded, unique = run.forwarded - before.forwarded, run.unique - before.unique
    best = min(o.seconds for o in ours)
    found = {
        "requests": len(requests),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(r, 2) for r in ratios],
        "goal": workload.goal,
        "seconds": round(statistics.median(o.seconds for o in ours), 2),
        "lm_eval_seconds": round(statistics.median(t.seconds for t in theirs) * part.scale, 2),
        "lm_eval_batch": batch,
        "lm_eval_timed_share": round(1 / part.scale, 3),
        "forwarded": forwarded,
        "unique": unique,
        "forwarded_per_unique": round(forwarded / unique, 3) if unique else None,
        "peak_mb": round(max(o.peak for o in ours) / 1e6),
        "lm_eval_peak_mb": round(max(t.peak for t in theirs) / 1e6),
        "largest_difference": apart.largest,
        "other_choices": apart.choices,
    }
    if unique:
        bare = limit(sides.model, depth=part.depth)
        found["share_of_limit"] = round((unique * bare.token + part.rows * bare.row) / best, 2)
        if device.type == "cuda":
            done = work(sides.model.config, tokens=unique, rows=part.rows, depth=part.depth)
            found["tflops"] = round(done / best / 1e12, 1)
    return found


def _print(name: str, one: dict[str, Any]) -> None:
    unique, goal = one["forwarded_per_unique"], one["goal"]
    sys.stdout.write(
        f"{name:18s} {one['ratio']:5.1f} x lm-eval {one['ratios']}{f' (goal {goal:g})' if goal else ''}"
        f" | {one['seconds']:.2f} s to {one['lm_eval_seconds']:.2f} s at batch {one['lm_eval_batch']}"
        f" | forwarded/unique {unique or '-'} | of the limit {one.get('share_of_limit', '-')}"
        f"{_rate(one)}"
        f" | peak {one['peak_mb']} MB to {one['lm_eval_peak_mb']} MB | apart {one['largest_difference']:.0e},"
        f" other choices {one['other_choices']}\n"
    )
    sys.stdout.flush()


def _rate(one: dict[str, Any]) -> str:
    return f" | {one['tflops']} TFLOP/s" if "tflops" in one else ""


def _report(found: dict[str, Any], sides: _Sides, given: argparse.Namespace) -> dict[str, Any]:
    facts, device = sides.engine.facts, sides.model.device
    machine: dict[str, Any] = {"kind": given.device, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    if device.type == "cuda":
        machine |= {"accelerator": torch.cuda.get_device_name(device), "matrix_tflops": matrix_rate(device) / 1e12}
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "machine": machine,
        "load": round(os.getloadavg()[2], 1),
        "clock": "processor seconds of the process" if given.device == "cpu" else "wall seconds, device synchronised",
        "model": {
            "shape": given.shape,
            "parameters": facts.parameters,
            "vocabulary": sides.model.config.vocab_size,
            "dtype": facts.dtype,
        },
        "environment": facts.environment,
        "path": {"name": facts.path, "reason": facts.path_reason},
        "workloads": found,
    }


if __name__ == "__main__":
    sys.exit(main())
