"""The text tokenizer: a sentencepiece model, trained on the reports where no pretrained language model brings its own."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import sentencepiece

from input_pipeline.errors import UserError

# Specials and the 256 single bytes, which every text falls back on, come before the first learned piece.
_SMALLEST_VOCABULARY = 4 + 256


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> bytes:
    """Trains byte-fallback BPE: the same texts and size give the same model.

    Args:
      texts: training texts, each a document.
      vocab_size: pieces at most; a small corpus may give fewer.

    Returns:
      The serialised model, for `Tokenizer` or a `.model` file.

    Raises:
      UserError: no text, or a size that cannot hold the 256 bytes.
    """
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise UserError("tokenizer: no text to train on; choose a data set with reports or give a sentencepiece .model")
    if vocab_size < _SMALLEST_VOCABULARY + 16:
        raise UserError(f"tokenizer.vocab_size={vocab_size}: too small, at least {_SMALLEST_VOCABULARY + 16} are needed")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            byte_fallback=True,
            character_coverage=1.0,
            pad_id=0,
            bos_id=1,
            eos_id=2,
            unk_id=3,
            # Text comes back from its tokens exactly as it was.
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            max_sentence_length=1 << 16,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"tokenizer.vocab_size={vocab_size}: cannot be trained ({reason}); try a larger size") from error
    return model.getvalue()


class Tokenizer:
    """A sentencepiece model at work.

    Control tokens never come from text: "</s>" in a report is four ordinary characters.

    Attributes:
      model: the serialised model.
      vocab_size, pad_id, bos_id, eos_id: models without a padding token (Llama 2's) pad with the end token, masked anyway.

    Raises:
      UserError: not a sentencepiece model, or one without begin and end tokens.
    """

    def __init__(self, model: bytes):
        try:
            if not model:
                raise ValueError("empty")
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, ValueError) as error:
            raise UserError("tokenizer: not a sentencepiece model; give the .model file that it was saved as") from error
        self.model = model
        self.vocab_size = self._pieces.vocab_size()
        self.bos_id, self.eos_id = self._pieces.bos_id(), self._pieces.eos_id()
        self.pad_id = self._pieces.pad_id() if self._pieces.pad_id() >= 0 else self.eos_id
        if self.bos_id < 0 or self.eos_id < 0:
            raise UserError("tokenizer: the sentencepiece model has no begin or no end token; train it with both")

    def encode(self, text: str) -> list[int]:
        """Token ids without begin and end."""
        return self._pieces.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """Text up to the end token; begin, padding and ids beyond the vocabulary are left out."""
        ids = [int(token) for token in tokens]
        if self.eos_id in ids:
            ids = ids[: ids.index(self.eos_id)]
        return self._pieces.decode([i for i in ids if 0 <= i < self.vocab_size and not self._pieces.is_control(i)])
