"""`make bench`: the workloads of the field, paired in one run against lm-eval's `hf` back end.

    python -m tests.benchmarks [WORKLOAD ...] [--full] [--repeats N] [--out FILE]

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
from typing import Any

import torch

from tests.benchmarks import toy as toys
from tests.benchmarks.measure import Cost, limit, measure
from tests.benchmarks.oracle import LmEval, differences
from tests.benchmarks.workloads import WORKLOADS, Workload
from verify.records import Generate
from verify.runtime.causal.engine import CausalEngine


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print a line for each workload, and write the result file."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--full", action="store_true", help="time lm-eval on all contexts")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks.json"))
    given = parser.parse_args(arguments)
    unknown = set(given.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"no workload {', '.join(sorted(unknown))}; there are: {', '.join(WORKLOADS)}")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    toy = toys.make()
    logging.disable(logging.WARNING)
    lm, engine = LmEval(toy), CausalEngine(toy.loaded())
    _warm_up(engine)
    found = {}
    for name in given.workloads or WORKLOADS:
        found[name] = _compare(WORKLOADS[name](toy), engine, lm, repeats=given.repeats, full=given.full)
        _print(name, found[name])
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(_report(found, engine), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _warm_up(engine: CausalEngine) -> None:
    """Let the engine make its trial of writing side by side, which belongs to opening a subject."""
    list(engine.answer([Generate(prompt=text, max_tokens=1) for text in ("가", "나")]))


def _compare(workload: Workload, engine: CausalEngine, lm: LmEval, *, repeats: int, full: bool) -> dict[str, Any]:
    requests = workload.requests
    part = lm.thin(requests, every=1 if full else workload.every)
    batch = lm.best_batch(part)
    ours: list[Cost] = []
    theirs: list[Cost] = []
    for _ in range(repeats):
        before = engine.tokens_run()
        ours.append(measure(lambda: {a.position: a.response for a in engine.answer(requests)}))
        run = engine.tokens_run()
        theirs.append(measure(lambda: lm.run(part.requests, batch=batch)))
    apart = differences(part, ours[-1].result, theirs[-1].result)
    ratios = [t.cpu * part.scale / o.cpu for o, t in zip(ours, theirs, strict=True)]
    forwarded, unique = run.forwarded - before.forwarded, run.unique - before.unique
    bare = limit(engine.network.model, depth=part.depth)
    rows = part.rows if unique else 0
    return {
        "requests": len(requests),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(r, 2) for r in ratios],
        "goal": workload.goal,
        "seconds": round(statistics.median(o.cpu for o in ours), 2),
        "lm_eval_seconds": round(statistics.median(t.cpu for t in theirs) * part.scale, 2),
        "lm_eval_batch": batch,
        "lm_eval_timed_share": round(1 / part.scale, 3),
        "forwarded": forwarded,
        "unique": unique,
        "forwarded_per_unique": round(forwarded / unique, 3) if unique else None,
        "share_of_limit": round((unique * bare.token + rows * bare.row) / min(o.cpu for o in ours), 2)
        if unique
        else None,
        "peak_mb": round(max(o.peak for o in ours) / 1e6),
        "lm_eval_peak_mb": round(max(t.peak for t in theirs) / 1e6),
        "largest_difference": apart.largest,
        "other_choices": apart.choices,
    }


def _print(name: str, one: dict[str, Any]) -> None:
    unique = one["forwarded_per_unique"]
    sys.stdout.write(
        f"{name:18s} {one['ratio']:5.1f} x lm-eval {one['ratios']} (goal {one['goal']:g})"
        f" | {one['seconds']:.2f} s to {one['lm_eval_seconds']:.2f} s"
        f" | forwarded/unique {unique if unique is not None else '-'} | of the limit {one['share_of_limit'] or '-'}"
        f" | peak {one['peak_mb']} MB to {one['lm_eval_peak_mb']} MB | apart {one['largest_difference']:.0e},"
        f" other choices {one['other_choices']}\n"
    )
    sys.stdout.flush()


def _report(found: dict[str, Any], engine: CausalEngine) -> dict[str, Any]:
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "machine": {"kind": "cpu", "cores": os.cpu_count(), "threads": torch.get_num_threads()},
        "load": round(os.getloadavg()[2], 1),
        "clock": "processor seconds of the process",
        "model": {"parameters": engine.facts.parameters, "vocabulary": toys.VOCABULARY, "dtype": engine.facts.dtype},
        "environment": engine.facts.environment,
        "path": {"name": engine.facts.path, "reason": engine.facts.path_reason},
        "workloads": found,
    }


if __name__ == "__main__":
    sys.exit(main())
