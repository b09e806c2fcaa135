"""The text of one example: instruction, report, and which tokens are to be learned.

Axes: S tokens.
"""

from __future__ import annotations

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.records import EXPRESSIONS, Label
from input_pipeline.tokenizer import Tokenizer


def instruction(expression: str) -> str:
    """What the language model is asked (ours: TraMP-LLaMA publishes no prompt). The expression's name stands only here."""
    return f"Describe the facial motion. Task: {expression}."


def questions(label: Label) -> list[tuple[str, str | None]]:
    """(question, answer) pairs of a clip: of its instruction turns, else the instruction and its report, which may be None.

    Each pair is a text of its own (ours); a question holds no placeholder of the picture, which comes before it.
    """
    asked = [turn["content"] for turn in label.turns if turn["role"] == "user"]
    answered = [turn["content"] for turn in label.turns if turn["role"] == "assistant"]
    return list(zip(asked, answered, strict=False)) or [(instruction(label.expression), label.report)]


def encode_example(tokenizer: Tokenizer, question: str, report: str | None, length: int) -> dict[str, np.ndarray]:
    """Prompt, report, end, padded on the right (`Tokenizer.prompt`, `target`); without a report the prompt alone.

    Args:
      question: what is asked.
      report: the target text, or None.
      length: S. A longer report loses its last tokens, never the end token.

    Returns:
      tokens (S,) int32; token_mask (S,) bool, False on padding; loss_mask (S,) float32, 1 on report and end tokens, each to
      be predicted from those before it; prompt_length () int32; truncated () int32, report tokens lost.
    """
    prompt = tokenizer.prompt(question)
    target = [] if report is None else tokenizer.target(report)
    lost = max(len(prompt) + len(target) - length, 0)
    if lost:
        target = [*target[: -1 - lost], target[-1]]
    used = len(prompt) + len(target)
    tokens = np.full(length, tokenizer.pad_id, np.int32)
    tokens[:used] = prompt + target
    place = np.arange(length)
    return {
        "tokens": tokens,
        "token_mask": place < used,
        "loss_mask": ((place >= len(prompt)) & (place < used)).astype(np.float32),
        "prompt_length": np.int32(len(prompt)),
        "truncated": np.int32(lost),
    }


def check_text_length(tokenizer: Tokenizer, length: int) -> None:
    """Refuses a length without room for the longest instruction, one report token and the end.

    Raises:
      UserError: with the length that is needed.
    """
    needed = max(len(tokenizer.prompt(instruction(name))) for name in EXPRESSIONS) + 2
    if length < needed:
        raise UserError(f"data.text_length={length}: the instruction alone needs {needed}; raise it")
