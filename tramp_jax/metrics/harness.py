"""Results in the shape that lm-evaluation-harness writes, so that its viewers read them (lm_eval 0.4.13, `result_schema.py`).

Every expression is a task, `severity_<expression>`; the group `severity` has their plain means. Reports are the task `report`.
Standard errors are the standard deviations over draws of subjects, the same draws as those of the intervals.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.whole_files import write_whole
from tramp_jax import __version__
from tramp_jax.metrics.bootstrap import DRAWS, SubjectDraws, mean_of
from tramp_jax.metrics.evaluation import direction_f1
from tramp_jax.metrics.predictions import Predictions
from tramp_jax.metrics.severity import expressions_of, to_grade
from tramp_jax.metrics.severity_table import MEAN, ROWS, metrics_of, resampled_tables

SEVERITY, REPORT = "severity", "report"
# The harness names the filter that an answer went through after a comma; ours go through none.
FILTER = "none"
NOT_KNOWN = "N/A"  # its word for a standard error that there is not
_MOST_BYTES = 180  # of a task in a file's name, which has 255 with the rest
VERSION = 1.0  # of these tasks: raised where a metric's definition changes
_REPORT_METRICS = {
    "fact_f1_mention": ("fact_f1", "mention"),
    "fact_f1_direction": ("fact_f1", "direction"),
    "fact_f1_abnormal": ("fact_f1", "abnormal"),
    "laterality_accuracy": ("laterality_accuracy",),
    "grounding": ("grounding",),
    "bleu4": ("bleu4",),
    "rouge_l": ("rouge_l",),
}

Json = dict[str, Any]


def write_harness(folder: Path, results: Json, found: Predictions, model: str, *, draws: int = DRAWS, seed: int = 0) -> Path:
    """Writes FOLDER/MODEL/results_DATE.json and samples_TASK_DATE.jsonl.

    Args:
      results: of `evaluation.evaluate_clips` or `prediction_results.evaluate_predictions`.
      found: the predictions that they are of.
      model: its name.
      draws, seed: those of the results.

    Returns:
      the path of results_DATE.json. Nothing but DATE differs from call to call.

    Raises:
      OSError: the folder cannot be written.
    """
    now = datetime.now()
    samples = samples_of(found)
    shaped = shape(results, found, samples, model, draws=draws, seed=seed) | {"date": now.timestamp()}
    date, own = now.isoformat().replace(":", "-"), folder / model_folder(model)
    own.mkdir(parents=True, exist_ok=True)
    path = own / f"results_{date}.json"
    texts = {}
    for name, lines in zip(_file_names(samples), samples.values(), strict=True):
        text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
        texts[own / f"samples_{name}_{date}.jsonl"] = text
    write_whole(texts | {path: json.dumps(shaped, indent=2, ensure_ascii=False, allow_nan=False)})
    return path


def shape(
    results: Json, found: Predictions, samples: Mapping[str, list[Json]], model: str, *, draws: int = DRAWS, seed: int = 0
) -> Json:
    """The content of results_DATE.json but for its date."""
    tasks, errors = {}, _standard_errors(found, draws, seed)
    names = [name for name in expressions_of(found.clips.expression) if task_of(name) in samples]
    if results["severity"] is not None:
        for name in names:
            tasks[task_of(name)] = _severity_metrics(results["severity"], name, errors, len(samples[task_of(name)]))
    groups = {}
    if tasks:
        total = sum(task["sample_len"] for task in tasks.values())
        groups[SEVERITY] = _severity_metrics(results["severity"], MEAN, errors, total) | {"name": SEVERITY, "alias": SEVERITY}
    subtasks = {SEVERITY: list(tasks)} if tasks else {}
    if REPORT in samples:
        tasks[REPORT] = _report_metrics(results["report"], found, len(samples[REPORT]), draws, seed)
    better = {name: {1: True, -1: False, 0: None}[row.better] for name, row in ROWS.items()}
    every = [*tasks, *groups]
    return {
        "results": groups | tasks,
        "groups": groups,
        "group_subtasks": subtasks | {task: [] for task in tasks},
        "configs": {task: _config(task, results["data"]) for task in tasks},
        "versions": dict.fromkeys(every, VERSION),
        "n-shot": dict.fromkeys(tasks, 0),
        "higher_is_better": {
            task: dict.fromkeys(_REPORT_METRICS, True) if task == REPORT else {name: better[name] for name in _names(found)}
            for task in every
        },
        "n-samples": {task: {"original": _count(found, task), "effective": len(samples[task])} for task in tasks},
        "config": {"model": "tramp_jax", "model_args": {"model": model}, "bootstrap_iters": draws, "random_seed": seed},
        "git_hash": None,
        "task_hashes": {task: _task_hash(samples[task]) for task in tasks},
        "model_source": "tramp_jax",
        "model_name": model,
        "model_name_sanitized": model_folder(model),
        "system_instruction": None,
        "system_instruction_sha": None,
        "fewshot_as_multiturn": None,
        "chat_template": None,
        "chat_template_sha": None,
        "total_evaluation_time_seconds": None,
        "tramp_jax": {"version": __version__, "data": results["data"], "simulated": results["simulated"]},
    }


def samples_of(found: Predictions) -> dict[str, list[Json]]:
    """The lines of samples_TASK_DATE.jsonl: task -> a line for each rated clip, or each clip with a reference report."""
    samples: dict[str, list[Json]] = {}
    clips = found.clips
    for i in np.flatnonzero(clips.rated).tolist():
        truth, prediction = float(clips.truth[i]), float(clips.prediction[i])
        off = abs(int(to_grade(clips.truth[i])) - int(to_grade(clips.prediction[i])))
        metrics = {"absolute_error": abs(prediction - truth), "accuracy": float(off == 0), "within_one": float(off <= 1)}
        task = task_of(str(clips.expression[i]))
        lines = samples.setdefault(task, [])
        lines.append(_line(len(lines), found, i, f"{truth:g}", repr(prediction), metrics))
    for i, reference in enumerate(found.references if found.reports is not None else []):
        if reference is not None and found.reports is not None:
            metrics = {"fact_f1_direction": direction_f1(found.reports[i], reference)}
            lines = samples.setdefault(REPORT, [])
            lines.append(_line(len(lines), found, i, reference, found.reports[i], metrics))
    return samples


def task_of(expression: str) -> str:
    """The name of an expression's task."""
    return f"{SEVERITY}_{expression}"


def model_folder(name: str) -> str:
    """The harness's `sanitize_model_name`."""
    return re.sub(r"[\"<>:/|\\?*\[\]]+", "__", name)


def _file_names(tasks: Iterable[str]) -> list[str]:
    """A name for each task's file, which the harness finds between the first and the last underscore.

    Expressions may be any text: "a/b" and "a:b" must not overwrite each other, also where "A" and "a" are one file.
    """
    names: dict[str, str] = {}
    for task in tasks:
        name = short = model_folder(task).encode()[:_MOST_BYTES].decode(errors="ignore")
        number = 1
        while name.casefold() in names:
            name = f"{short}-{(number := number + 1)}"
        names[name.casefold()] = name
    return list(names.values())


def _line(number: int, found: Predictions, i: int, target: str, answer: str, metrics: dict[str, float]) -> Json:
    doc = {
        "clip_id": str(found.clip_id[i]),
        "subject": str(found.subject[i]),
        "expression": str(found.clips.expression[i]),
        "dataset": str(found.dataset[i]),
        "score": float(found.clips.truth[i]) if found.clips.rated[i] else None,
        "reference": found.references[i],
    }
    # What is asked of a model beside the clip: a file of predictions knows no more of its prompt.
    prompt = doc["expression"]
    return {
        "doc_id": number,
        "doc": doc,
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {}}},
        "resps": [[answer]],
        "filtered_resps": [answer],
        "filter": FILTER,
        "metrics": list(metrics),
        "doc_hash": _hash(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(prompt),
        "target_hash": _hash(target),
        **metrics,
    }


def _severity_metrics(severity: Json, of: str, errors: Mapping[str, Mapping[str, float | None]], count: int) -> Json:
    task: Json = {"name": task_of(of), "alias": task_of(of), "sample_len": count}
    for name in errors:
        if severity[name][of] is not None:
            task[f"{name},{FILTER}"] = severity[name][of]
            error = errors[name][of]
            task[f"{name}_stderr,{FILTER}"] = NOT_KNOWN if error is None else error
    return task


def _report_metrics(report: Json, found: Predictions, count: int, draws: int, seed: int) -> Json:
    task: Json = {"name": REPORT, "alias": REPORT, "sample_len": count}
    for name, keys in _REPORT_METRICS.items():
        value = report[keys[0]] if len(keys) == 1 else report[keys[0]][keys[1]]
        if value is not None:
            task |= {f"{name},{FILTER}": value, f"{name}_stderr,{FILTER}": NOT_KNOWN}
    kept = [i for i, reference in enumerate(found.references) if reference is not None]
    f1 = np.array([direction_f1(found.reports[i], str(found.references[i])) for i in kept] if found.reports is not None else [])
    rows = SubjectDraws.of(found.clips.subject[kept], draws, seed)
    error = _deviation(rows, rows.evaluate(mean_of(f1)))
    return task | {f"fact_f1_direction_stderr,{FILTER}": NOT_KNOWN if error is None else error}


def _standard_errors(found: Predictions, draws: int, seed: int) -> dict[str, dict[str, float | None]]:
    clips = found.clips.take(found.clips.rated)
    rows, names = SubjectDraws.of(clips.subject, draws, seed), expressions_of(found.clips.expression)
    tables = resampled_tables(rows, clips, names, metrics_of(clips)) if len(clips) else {}
    rows_of = rows.by_expression(clips.expression, names, MEAN)
    return {name: {of: _deviation(rows_of[of], values) for of, values in table.items()} for name, table in tables.items()}


def _deviation(rows: SubjectDraws, values: np.ndarray) -> float | None:
    values = values[~np.isnan(values)]
    return float(values.std(ddof=1)) if len(values) > 1 and rows.subjects > 1 else None


def _names(found: Predictions) -> list[str]:
    return metrics_of(found.clips)


def _count(found: Predictions, task: str) -> int:
    return len(found) if task == REPORT else int(sum(task_of(name) == task for name in found.clips.expression.tolist()))


def _config(task: str, data: str) -> Json:
    metrics = [*_REPORT_METRICS] if task == REPORT else [*ROWS]
    return {
        "task": task,
        "dataset_path": data,
        "output_type": "generate_until",
        "num_fewshot": 0,
        "metric_list": [{"metric": name} for name in metrics],
        "metadata": {"version": VERSION},
    }


def _task_hash(lines: list[Json]) -> str:
    return _hash("".join(line["doc_hash"] + line["prompt_hash"] + line["target_hash"] for line in lines))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
