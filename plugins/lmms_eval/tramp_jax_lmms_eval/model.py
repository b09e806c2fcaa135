"""A trained run as a model of lmms-eval: `--model tramp_jax --model_args checkpoint=RUN`.

It answers the tasks that `tramp_jax_lmms_eval.export` writes, from the landmarks and frames of the data set that they name.
"""

from __future__ import annotations

from collections import defaultdict

from lmms_eval.api.instance import Instance
from lmms_eval.api.model import lmms

import tramp_jax
from input_pipeline.dataset import Dataset


class TrampJax(lmms):
    """The newest checkpoint of a run.

    Args:
      checkpoint: the run's folder.
      **ignored: batch_size and device, which lmms-eval passes to every model: the run's config has the batch, JAX the devices.
    """

    is_simple = True

    def __init__(self, checkpoint: str, **ignored: object) -> None:
        super().__init__()
        self._model = tramp_jax.load(checkpoint)

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Scores as numbers, or reports, for the clips of the requests, batched by task and data set."""
        places = defaultdict(list)
        for i, request in enumerate(requests):
            _, _, _, doc_id, task, split = request.args
            doc = self.task_dict[task][split][doc_id]
            places[task, doc["data"]].append((i, doc["index"]))
        answers = [""] * len(requests)
        for (task, path), found in places.items():
            data, indices = Dataset.open(path), [index for _, index in found]
            if task.startswith("tramp_severity"):
                texts = [f"{score:.4f}" for score in self._model.score(data, indices)["raw"].tolist()]
            else:
                texts = self._model.write(data, indices)
            for (i, _), text in zip(found, texts, strict=True):
                answers[i] = text
        return answers

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Refuses: no task here asks for it."""
        raise NotImplementedError("tramp_jax writes scores and reports only: use the tasks tramp_severity and tramp_report")

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        """Refuses: no task here asks for it."""
        raise NotImplementedError("tramp_jax answers once: use the tasks tramp_severity and tramp_report")
