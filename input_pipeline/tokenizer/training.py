"""A sentencepiece model trained on the reports, where no pretrained language model brings its own."""

from __future__ import annotations

import io
from collections.abc import Iterable

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
