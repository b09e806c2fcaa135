"""Linear models as `protocols.Fit`, in NumPy: the folds' logic is tested without a network."""

import numpy as np

from tramp_jax.metrics.scored import ScoredClips

EXPRESSIONS = ("rest", "smile")


def make_clips(subjects: int, seed: int, features: int = 6, signal: float = 1.0) -> tuple[ScoredClips, np.ndarray]:
    """Each person's clips of both expressions, and (N, D) features that hold the grade where `signal` is not 0."""
    rng = np.random.default_rng(seed)
    N = subjects * len(EXPRESSIONS)
    truth = rng.integers(0, 5, N).astype(np.float64)
    x = rng.normal(size=(N, features))
    x[:, 0] += signal * truth
    subject = np.repeat([f"s{i:03d}" for i in range(subjects)], len(EXPRESSIONS))
    return ScoredClips(subject, np.tile(EXPRESSIONS, subjects), truth, np.zeros(N)), x


def ridge(x, truth, strengths):
    """One "epoch" for each strength of the penalty, by the closed form with an unpenalised intercept."""

    def fit(jobs):
        for job in jobs:
            centre, level = x[job.train].mean(axis=0), truth[job.train].mean()
            a, y = x[job.train] - centre, truth[job.train] - level
            weights = [np.linalg.solve(a.T @ a + s * np.eye(x.shape[1]), a.T @ y) for s in strengths]
            yield np.stack([(x[job.test] - centre) @ w + level for w in weights])

    return fit


def descent(x, truth, epochs, rate=0.1):
    """Gradient descent from a random start: predictions drift from epoch to epoch, as a network's do."""

    def fit(jobs):
        for job in jobs:
            w = np.random.default_rng(job.seed).normal(size=x.shape[1])
            found = []
            for _ in range(epochs):
                error = x[job.train] @ w - (truth[job.train] - truth[job.train].mean())
                w = w - rate * x[job.train].T @ error / len(error)
                found.append(x[job.test] @ w)
            yield np.stack(found)

    return fit
