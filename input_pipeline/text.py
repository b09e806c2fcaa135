"""The text of one example: instruction, report, and which tokens are to be learned.

Axes: S tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.records import EXPRESSIONS, Label
from input_pipeline.tokenizer import Tokenizer


def instruction(expression: str) -> str:
    """What the language model is asked (ours: TraMP-LLaMA publishes no prompt). The expression's name stands only here."""
    return f"Describe the facial motion. Task: {expression}."


def questions(label: Label) -> list[tuple[str, str | None]]:
    """(question, answer) pairs of a clip: of its instruction turns, else the instruction and its report, which may be None.

    A question holds no placeholder of the picture, which comes before it.
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


def encode_conversation(tokenizer: Tokenizer, pairs: Sequence[tuple[str, str | None]], length: int) -> dict[str, np.ndarray]:
    """All questions and answers of a clip as one text; every answer is learned with its end token, no question is.

    So do LLaVA (llava/train/train.py: preprocess_v1) and VideoLLaMA3 (its processor's labels of each assistant message). Both
    cut what is too long wherever it is; here pairs from the first that does not fit are left out.

    Args:
      pairs: at least one, as `questions` gives them; a single one gives what `encode_example` gives.
      length: S. Of the first pair the answer loses its last tokens, never the end token.

    Returns:
      As `encode_example`: prompt_length is the first question's, truncated counts all tokens lost of answers and their ends.
    """
    example = encode_example(tokenizer, *pairs[0], length)
    if len(pairs) == 1:
        return example
    used, fits = int(example["token_mask"].sum()), True
    prompts = tokenizer.prompts([question for question, _ in pairs])
    for prompt, (_, answer) in list(zip(prompts, pairs, strict=True))[1:]:
        target = tokenizer.target(answer)
        start, end = used + len(prompt), used + len(prompt) + len(target)
        fits = fits and end <= length
        if not fits:
            example["truncated"] += np.int32(len(target))
            continue
        example["tokens"][used:end] = prompt + target
        example["token_mask"][used:end] = True
        example["loss_mask"][start:end] = 1
        used = end
    return example


def check_text_length(tokenizer: Tokenizer, length: int) -> None:
    """Refuses a length without room for the longest instruction, one report token and the end.

    Raises:
      UserError: with the length that is needed.
    """
    needed = max(len(tokenizer.prompt(instruction(name))) for name in EXPRESSIONS) + 2
    if length < needed:
        raise UserError(f"data.text_length={length}: the instruction alone needs {needed}; raise it")


def check_questions(tokenizer: Tokenizer, labels: Iterable[Label], length: int) -> None:
    """Refuses clips with a question that leaves no room for one token of an answer and the end.

    Raises:
      UserError: with the clip and the length that is needed.
    """
    around = len(tokenizer.prompt("?")) + 2
    for label in labels:
        for question, _ in questions(label):
            # A token is a byte or more, so that most questions need not be cut into tokens here.
            if around + len(question.encode()) <= length:
                continue
            needed = len(tokenizer.prompt(question)) + 2
            if needed > length:
                raise UserError(f"data.text_length={length}: a question of clip {label.clip_id} alone needs {needed}; raise it")
