"""Scores of words against words, for comparison with other work only: docs/evaluation_text.md tells what each misses.

None of them sees that left and right are exchanged, or that a finding is denied, as more than one word of many (references:
seke_and_evaluation.md B.3); `report_facts` is the measure here. All take one reference per report.
"""

from tramp_jax.metrics.text.bleu import bleu4
from tramp_jax.metrics.text.chrf import chrf2
from tramp_jax.metrics.text.cider import cider_d
from tramp_jax.metrics.text.meteor import meteor_no_wn
from tramp_jax.metrics.text.rouge import rouge_l
from tramp_jax.metrics.text.scores import NO_SCORES, TEXT_SCORES, TextScores, score_texts

__all__ = ["NO_SCORES", "TEXT_SCORES", "TextScores", "bleu4", "chrf2", "cider_d", "meteor_no_wn", "rouge_l", "score_texts"]
