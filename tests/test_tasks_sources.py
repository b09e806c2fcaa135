"""Which source serves which task: what a task cannot use of one is told before the run starts, and is not judged."""

import pytest
from mixture_factory import make_folder, mixed

from input_pipeline.errors import UserError
from input_pipeline.mixture import source
from tests.tiny import tiny_config
from tramp_jax.tasks.sources import FACES, check_sources, clips_of_sources, open_run_data, usable_for
from tramp_jax.tasks.table import active_tasks


def run_config(*folders, vision="none", language=0, **changes):
    config = tiny_config(model__vision_kind=vision)
    config.schedule.weights.language = language
    config.data = mixed(*folders, **changes)
    return config


def opened(config):
    tasks = active_tasks(config)
    data, folds = open_run_data(config, tasks)
    return tasks, data, folds


def check(config):
    tasks, data, folds = opened(config)
    return check_sources(config, tasks, data, folds)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """ "both" with grades and reports, "rated" with grades alone, "told" with reports alone."""
    root = tmp_path_factory.mktemp("folders")
    both = make_folder(root / "both", 10, report="Moves.", scale_id="ours")
    return both, make_folder(root / "rated", 10, scale_id="ours"), make_folder(root / "told", 10, score=None, report="Moves.")


def test_a_source_serves_the_tasks_that_its_labels_do(folders):
    config = run_config(*folders)
    tasks, data, folds = opened(config)
    found = clips_of_sources(config, tasks, data, folds["train"])
    assert found == {"severity": {"both": 6, "rated": 6}, "report": {"both": 6, "told": 6}}
    assert check_sources(config, tasks, data, folds) == []


@pytest.mark.parametrize(
    ("name", "task", "words"),
    [
        ("told", "severity", r"data\.sources\.told: no training clip of .*told has score, which severity needs: take it out"),
        ("rated", "report", r"data\.sources\.rated: no training clip of .*rated has text, which report needs"),
        ("both", "severty", r"data\.sources\.both: unknown task 'severty' in tasks; known are severity, report, language"),
    ],
)
def test_a_task_that_a_source_is_named_for_in_vain_is_refused(folders, name, task, words):
    with pytest.raises(UserError, match=words) as raised:
        check(run_config(*folders, **{name: {"tasks": (task,)}}))
    assert "\n" not in str(raised.value)


def test_a_source_that_serves_no_task_is_told_and_not_judged(folders, tmp_path):
    bare = make_folder(tmp_path / "bare", 10, score=None)
    config = run_config(*folders, bare)
    (said,) = check(config)
    assert said == f"data.sources.bare: {bare} serves none of severity, report: nothing of it is used"
    _, data, folds = opened(config)
    assert {data.part_of(index) for index in folds["test"]} == {"both", "rated", "told"}


def test_frames_that_a_task_needs_are_missed_before_the_run(folders):
    with pytest.raises(
        UserError, match=r"data\.sources\.both: .*both has no frames, which severity needs: extract with frames"
    ):
        check(run_config(*folders, vision="vit"))


def test_grades_on_several_scales_are_refused_unless_said(folders, tmp_path):
    other = make_folder(tmp_path / "other", 10, scale_id="updrs-1987-19", report="Moves.")
    words = r"data\.sources: both is rated on the scale 'ours', other on 'updrs-1987-19': .* data\.mixed_scales=True"
    with pytest.raises(UserError, match=words):
        check(run_config(*folders, other))
    assert check(run_config(*folders, other, mixed_scales=True)) == []


def test_a_source_on_another_scale_can_serve_reports_and_is_not_judged_by_its_grades(folders, tmp_path):
    other = make_folder(tmp_path / "other", 10, scale_id="updrs-1987-19", report="Moves.")
    config = run_config(*folders, other, other={"tasks": ("report",)})
    assert check(config) == []
    tasks, data, folds = opened(config)
    assert clips_of_sources(config, tasks, data, folds["train"])["report"] == {"both": 6, "other": 6, "told": 6}
    tested = [data.labels[index] for index in folds["test"] if data.part_of(index) == "other"]
    assert len(tested) == 2
    assert {(label.score, label.scale_id, label.report) for label in tested} == {(None, "", "Moves.")}


def test_a_source_of_text_alone_is_held_out_from_nothing_that_looks_at_faces(folders):
    config = run_config(*folders, language=1, told={"tasks": ("language",)})
    tasks, data, folds = opened(config)
    assert clips_of_sources(config, tasks, data, folds["train"])["language"] == {"both": 6, "told": 6}
    assert {data.part_of(index) for index in folds["test"]} == {"both", "rated"}
    faces = usable_for(FACES, config, tasks, data, folds["train"])
    assert {data.part_of(index) for index in faces} == {"both", "rated"}


def test_a_folder_that_is_named_for_each_task_is_judged_once_and_by_its_grades(folders):
    config = run_config(folders[0], both={"tasks": ("severity",), "weight": 3})
    config.data.sources.again = source(str(folders[0]), tasks=("report",), weight=1)
    _, data, folds = opened(config)
    assert {data.part_of(index) for index in folds["test"]} == {"both"}
    assert all(data.labels[index].score is not None for index in folds["test"])


def test_one_folder_is_taken_as_it_is(folders):
    config = run_config()
    config.data.path = str(folders[0])
    tasks, data, folds = opened(config)
    assert check_sources(config, tasks, data, folds) == []
    assert usable_for({"kinematics"}, config, tasks, data, folds["train"]) == folds["train"]
