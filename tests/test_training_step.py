"""Decoupled training: what one task's step may and may not touch (DESIGN section 3)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from input_pipeline.errors import UserError
from tests.tiny import copied, demo_config, tiny_batch, tiny_config
from tramp_jax.checkpoint.digests import digests_of
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import TASKS, active_tasks
from tramp_jax.training.loop import Trainer
from tramp_jax.training.ownership import flatten
from tramp_jax.training.state import initial_state

SEVERITY_BLOCKS = ("motion", "fusion", "regression")
REPORT_BLOCKS = ("motion_projection", "fusion_projection", "visual_projection", "lora", "llm")
# The recipe -> its config, and the blocks that each task owns beside these.
RECIPES = {
    "paper": (tiny_config, (), ()),
    "demo": (demo_config, ("vision", "kinematics", "expression"), ("kinematic_projection",)),
}


def gradients(config, task):
    """Gradients of one task's loss with respect to every parameter that it reads, whoever owns it."""
    model = TrampLlama(config.model)
    params, stats = model.init(jax.random.key(0))
    # LoRA's B starts at zero, which would hide the gradient of A.
    params = jax.tree.map(lambda x: x + 0.02 * jax.random.normal(jax.random.key(x.size), x.shape, x.dtype), params)
    loss = lambda p: TASKS[task].loss(model, p, stats, tiny_batch(0), jax.random.key(1)).total  # noqa: E731
    return {block: flatten(tree) for block, tree in jax.jit(jax.grad(loss))(params).items()}


def largest(tree):
    return max(float(jnp.max(jnp.abs(leaf))) for leaf in tree.values())


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("task", ["severity", "report"])
def test_a_loss_has_exactly_no_gradient_in_what_the_other_task_owns(task, recipe):
    config, severity, report = RECIPES[recipe]
    own, other = SEVERITY_BLOCKS + severity, REPORT_BLOCKS + report
    own, other = (own, other) if task == "severity" else (other, own)
    found = gradients(config(), task)
    assert {block: largest(found[block]) for block in other} == dict.fromkeys(other, 0.0)
    assert all(largest(found[block]) > 0 for block in own)


def test_measured_kinematics_reach_the_report_and_never_the_score():
    model = TrampLlama(demo_config().model)
    params, stats = model.init(jax.random.key(0))

    @jax.jit
    def answers(batch):
        encoded, _ = model.encode(params, stats, batch, train=False, key=None)
        logits = model.report_logits(params, encoded, batch, deterministic=True, key=None)
        return model.severity(params, encoded)["raw"], logits

    batch = tiny_batch(0)
    score, logits = answers(batch)
    other_score, other_logits = answers(batch | {"kinematics": batch["kinematics"] + 1})
    np.testing.assert_array_equal(score, other_score)
    assert np.abs(logits - other_logits).max() > 1e-4


@pytest.mark.parametrize("removed", ["motion", "fusion", "vision"])
def test_the_check_can_fail_without_one_stop_gradient_the_report_reaches_severity(removed):
    stops = tuple(name for name in ("motion", "fusion", "vision") if name != removed)
    found = gradients(tiny_config(model__stop_gradients=stops), "report")
    assert largest(found[removed]) > 0


def make_trainer(config):
    model, tasks, mesh = TrampLlama(config.model), active_tasks(config), make_mesh(config.mesh)
    with jax.set_mesh(mesh):
        state = initial_state(model, config, tasks, jax.random.key(config.seed))
    trainer = Trainer(config, model, tasks, state, mesh)
    for task in tasks:
        trainer.compile(task, tiny_batch(0))
    return trainer


def run(trainer, steps):
    """Alternates over the schedule; the batch is a function of (task, task step). Returns the severity curve."""
    curve = []
    for _ in range(steps):
        name = trainer.schedule.task_at(trainer.state.step)
        batch = tiny_batch(1000 * len(name) + trainer.state.task_steps[name])
        metrics = trainer.step(trainer.tasks[name], trainer.put(batch))
        if name == "severity":
            curve.append(np.array(metrics["loss"]))
    return curve


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("stepped", ["severity", "report"])
def test_a_step_leaves_the_other_tasks_parameters_and_moments_bit_identical(stepped, recipe):
    trainer = make_trainer(RECIPES[recipe][0]())
    run(trainer, 3)
    owner_of, before = trainer._partition.owner_of, copied(trainer.state.to_tree())
    trainer.step(trainer.tasks[stepped], trainer.put(tiny_batch(7)))
    after = copied(trainer.state.to_tree())
    for part in ("params", "stats"):
        old, new = flatten(before[part]), flatten(after[part])
        moved = {path for path in old if not np.array_equal(old[path], new[path])}
        assert moved
        assert {owner_of[path] for path in moved} == {stepped}
        if stepped == "report":
            break  # it owns no statistics
    other = next(name for name in trainer.tasks if name != stepped)
    assert all(map(np.array_equal, jax.tree.leaves(before["opt"][other]), jax.tree.leaves(after["opt"][other])))
    assert not all(map(np.array_equal, jax.tree.leaves(before["opt"][stepped]), jax.tree.leaves(after["opt"][stepped])))


def test_the_severity_curve_is_bit_identical_with_the_report_task_on_and_off():
    both = make_trainer(tiny_config())
    alone = make_trainer(tiny_config(schedule__weights={"severity": 1}, schedule__first_step={"severity": 0}, total_steps=8))
    assert [task.name for task in active_tasks(alone.config)] == ["severity"]
    curve = run(both, 12)
    assert len(curve) == 8
    np.testing.assert_array_equal(curve, run(alone, 8))


def test_frozen_parameters_have_no_moments():
    trainer = make_trainer(tiny_config())
    owned = sum(
        leaf.size for path, leaf in flatten(trainer.state.params).items() if trainer._partition.owner_of[path] == "report"
    )
    moments = sum(leaf.size for leaf in jax.tree.leaves(trainer.state.opt["report"]) if leaf.ndim)
    assert moments == 2 * owned
    assert "frozen" in trainer._partition.owner_of.values()


def test_the_severity_step_never_receives_the_llama():
    trainer = make_trainer(tiny_config())
    arguments = trainer._arguments(trainer.tasks["severity"], trainer.put(tiny_batch(0)))
    blocks = {path.split("/")[0] for part in (arguments[0], arguments[3]) for path in flatten(part)}
    assert blocks == {"motion", "fusion", "regression", "vision"}


def test_accumulated_gradients_give_the_step_of_the_whole_batch():
    """Uneven weights: the second half of the batch has fewer report tokens, so a mean of means would differ."""
    results = []
    for parts in (1, 2):
        config = tiny_config(model__lora__dropout=0.0, accumulation__report=parts)
        trainer = make_trainer(config)
        batch = tiny_batch(3)
        batch["loss_mask"][2:, 8:] = 0
        metrics = trainer.step(trainer.tasks["report"], trainer.put(batch))
        results.append((metrics, copied(trainer.state.opt["report"])))
    np.testing.assert_allclose(results[0][0]["loss"], results[1][0]["loss"], rtol=1e-6)
    np.testing.assert_allclose(results[0][0]["grad_norm"], results[1][0]["grad_norm"], rtol=1e-5)


def test_severity_refuses_accumulation_in_one_line():
    with pytest.raises(UserError, match=r"accumulation\.severity=2.*whole batch"):
        active_tasks(tiny_config(accumulation__severity=2))


@pytest.mark.parametrize(("task", "field"), [("severity", "trajectory"), ("report", "kinematics")])
def test_a_step_without_a_number_changes_nothing_and_the_next_one_does(task, field):
    trainer = make_trainer(demo_config())
    before = copied(trainer.state.to_tree())
    broken = tiny_batch(0)
    broken[field] = np.full_like(broken[field], np.nan)
    metrics = trainer.step(trainer.tasks[task], trainer.put(broken))
    assert float(metrics["skipped"]) == 1.0
    after = copied(trainer.state.to_tree())
    for part in ("params", "stats", "opt"):
        assert digests_of(after[part]) == digests_of(before[part])
    assert trainer.state.task_steps[task] == 1  # its batch is behind us
    for seed in (1, 2):  # the learning rate of the first is 0
        metrics = trainer.step(trainer.tasks[task], trainer.put(tiny_batch(seed)))
        assert float(metrics["skipped"]) == 0.0
    assert digests_of(copied(trainer.state.params)) != digests_of(before["params"])
