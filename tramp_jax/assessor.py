"""From a video to its assessment: extraction, measurement, score, report, page."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.extract.isolated import ClipExtractor
from input_pipeline.extract.video import content_sha256
from input_pipeline.manifest import LABELS
from input_pipeline.mixture import split_of
from input_pipeline.motion.kinematics import measure
from input_pipeline.pipeline import single_batch
from input_pipeline.records import EXPRESSIONS, Clip
from input_pipeline.splits import load_split
from input_pipeline.whole_files import write_whole
from tramp_jax.inference import TrainedModel
from tramp_jax.report.assessment import make_assessment
from tramp_jax.report.page import write_page
from tramp_jax.tasks import report, severity


class Assessor(TrainedModel):
    """A trained model that assesses clips. `tramp_jax.load(run)` makes one."""

    def assess(
        self,
        path: str | Path,
        *,
        expression: str,
        landmarker: str | Path,
        output: str | Path | None = None,
        show_face: bool = True,
    ) -> dict[str, Any]:
        """Assesses one video.

        Args:
          path: the video.
          expression: the posed task, one of `input_pipeline.records.EXPRESSIONS`.
          landmarker: MediaPipe's face_landmarker.task.
          output: folder for report.html and assessment.json; None writes nothing.
          show_face: whether the page may hold pixels of the face.

        Returns:
          The assessment; keys in `tramp_jax.report.assessment.make_assessment`.

        Raises:
          UserError: no such video, not a video, no face in it, or a file that is no landmarker.
        """
        if expression not in EXPRESSIONS:
            raise UserError(f"expression {expression!r}: unknown; use one of {', '.join(EXPRESSIONS)}")
        name = Path(path).stem
        with ClipExtractor(landmarker) as extractor:
            clip = _extract(extractor, Path(path), expression, name)
        return self.assess_clip(clip, Path(output) if output is not None else None, show_face=show_face)

    def assess_clip(self, clip: Clip, output: Path | None, *, show_face: bool = True) -> dict[str, Any]:
        """As `assess`, for a clip that is extracted already."""
        model = self.config.model
        batch = single_batch(
            clip, self.config.data, self.predictor.tokenizer, needs=severity.scoring_needs(model) | report.needs(model)
        )
        scored = {name: values[0] for name, values in self.predictor.score_batch(self.params, self.stats, batch).items()}
        text = self.predictor.write_batch(self.params, self.stats, batch)[0]
        kinematics = measure(clip.landmarks, clip.layout, clip.times, clip.tracked)
        about = {"run": self.run.name, "step": self.step, "sha256": self.sha256}
        assessment = make_assessment(clip, kinematics, scored, text, model=about, trained_on=self.trained_on)
        if output is not None:
            self._write(assessment, clip, kinematics, output, show_face)
        return assessment

    def dataset_clips(self, path: Path, clip_ids: Sequence[str]) -> Iterator[tuple[str, Clip | UserError]]:
        """(name, clip) for the named clips of a data set folder, or for one clip of the test fold per expression.

        Raises:
          UserError: an unknown clip id.
        """
        data = Dataset.open(path)
        index_of = {label.clip_id: index for index, label in enumerate(data.labels)}
        if not clip_ids:
            test = load_split(data, split_of(self.config.data, path))["test"]
            first = {data.labels[i].expression: i for i in reversed(test)}
            clip_ids = [data.labels[first[name]].clip_id for name in EXPRESSIONS if name in first]
        unknown = [clip_id for clip_id in clip_ids if clip_id not in index_of]
        if unknown:
            raise UserError(
                f"{path}: no clip {unknown[0]!r} there; its ids look like {data.labels[0].clip_id!r}: choose one of {LABELS}"
            )
        for clip_id in clip_ids:
            yield clip_id, data.clip(index_of[clip_id], with_frames=data.manifest.has_frames)

    def video_clips(self, videos: Sequence[Path], expression: str, landmarker: str) -> Iterator[tuple[str, Clip | UserError]]:
        """(name, clip) for each video; the error instead of the clip where one cannot be read."""
        with ClipExtractor(landmarker) as extractor:
            for video in videos:
                try:
                    yield video.name, _extract(extractor, video, expression, video.name)
                except UserError as error:
                    yield video.name, error

    def _write(self, assessment: dict[str, Any], clip: Clip, kinematics: Any, output: Path, show_face: bool) -> None:
        try:
            output.mkdir(parents=True, exist_ok=True)
            text = json.dumps(assessment, indent=2, ensure_ascii=False) + "\n"
            write_whole({output / "assessment.json": text})
            write_page(assessment, clip, kinematics, output / "report.html", show_face=show_face)
        except OSError as error:
            raise UserError(
                f"{error.filename or output}: cannot be written ({error.strerror}): choose another --output"
            ) from error


def _extract(extractor: ClipExtractor, video: Path, expression: str, name: str) -> Clip:
    """The clip of one video, with the file's hash: an assessment stays with its reader, and must say which video it is of."""
    clip = extractor.extract(video, expression=expression, subject=name, clip_id=name)
    source = {**clip.label.source, "video_sha256": content_sha256(video)}
    return dataclasses.replace(clip, label=dataclasses.replace(clip.label, source=source))
