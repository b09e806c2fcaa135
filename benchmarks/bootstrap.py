"""How long intervals take: `python benchmarks/bootstrap.py [CLIPS] [PEOPLE] [DRAWS]`, by default 10,000 clips and 2,000 draws.

Times the whole `tramp_jax.evaluate --predictions` of made-up predictions (every metric per expression, data set and group), the
draws of each metric, and the same by SciPy and scikit-learn on repeated rows, draw by draw: a few, times how many there are.
"""

from __future__ import annotations

import csv
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from scipy import stats
from sklearn import metrics as sk

from input_pipeline.records import EXPRESSIONS
from tramp_jax.metrics.bootstrap import SubjectDraws
from tramp_jax.metrics.predictions import INTERVAL, PROBABILITIES, REQUIRED, read_predictions
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity import to_grade
from tramp_jax.metrics.severity_table import ROWS, resampled_tables

NAIVE_DRAWS = 10
NAIVE: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "spearman": lambda y, p: stats.spearmanr(y, p).statistic,
    "pearson": lambda y, p: stats.pearsonr(y, p).statistic,
    "kendall_tau_b": lambda y, p: stats.kendalltau(y, p).statistic,
    "mae": sk.mean_absolute_error,
    "quadratic_kappa": lambda y, p: sk.cohen_kappa_score(y.astype(int), to_grade(p), labels=range(5), weights="quadratic"),
}


def write_predictions(path: pathlib.Path, clips: int, people: int) -> None:
    """Two data sets, two groups, a distribution and an interval for each clip."""
    rng = np.random.default_rng(0)
    header = [*REQUIRED, "dataset", *PROBABILITIES, *INTERVAL, "group_sex", "group_age"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for clip in range(clips):
            person = clip % people
            latent = rng.uniform(0, 4)
            prediction = latent + rng.normal(0, 0.6)
            shares = np.exp(-((np.arange(5) - prediction) ** 2))
            width = rng.uniform(0.5, 1.5)
            labels = ["ab"[person % 2], *np.round(shares / shares.sum(), 5), prediction - width, prediction + width]
            groups = ["fm"[person // 2 % 2], ("50-59", "60-69", "70-79")[person % 3]]
            expression = EXPRESSIONS[(clip + clip // people) % len(EXPRESSIONS)]
            writer.writerow([clip, person, expression, int(latent + 0.5), prediction, *labels, *groups])


def naive_seconds(clips: ScoredClips, draws: SubjectDraws, name: str) -> tuple[float, float]:
    """Seconds for all draws at the pace of the first few, and by how much these differ from ours."""
    start, found = time.process_time(), []
    for counts in draws.counts[:NAIVE_DRAWS]:
        rows = np.repeat(np.arange(len(clips)), counts[draws.subject])
        drawn = clips.take(rows)
        of = [drawn.expression == expression for expression in EXPRESSIONS]
        found.append(np.mean([NAIVE[name](drawn.truth[mask], drawn.prediction[mask]) for mask in of]))
    seconds = (time.process_time() - start) * len(draws.counts) / len(found)
    ours = resampled_tables(draws, clips, EXPRESSIONS, [name])[name]["mean"][: len(found)]
    return seconds, float(np.abs(ours - found).max())


def main(clips: int = 10_000, people: int = 1_000, draws: int = 2_000) -> None:
    """Prints the times."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "predictions.csv")
        write_predictions(path, clips, people)
        command = [sys.executable, "-m", "tramp_jax.evaluate", f"--predictions={path}", f"--output={folder}/out"]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        whole = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = read_predictions(path).clips
    print(f"{clips} clips of {people} people, {os.cpu_count()} cores")
    computing = used.ru_utime + used.ru_stime
    print(f"the whole command, 2 data sets and 2 + 3 groups, 2000 draws of each: {whole:.1f} s, of which CPU {computing:.1f} s")
    rows = SubjectDraws.of(found.subject, draws)
    start = time.process_time()
    resampled_tables(rows, found, EXPRESSIONS, list(ROWS))
    print(f"{draws} draws of all {len(ROWS)} metrics: {time.process_time() - start:.2f} CPU seconds")
    print("| metric | CPU seconds | draw by draw (estimated) | ratio | largest difference |")
    print("|---|---|---|---|---|")
    for name in NAIVE:
        start = time.process_time()
        resampled_tables(rows, found, EXPRESSIONS, [name])
        ours = time.process_time() - start
        naive, difference = naive_seconds(found, rows, name)
        print(f"| {name} | {ours:.2f} | {naive:.1f} | {naive / ours:.0f} | {difference:.0e} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
