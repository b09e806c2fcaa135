"""A sentencepiece model at work: those trained here, and Llama 2's and Vicuna's."""

from __future__ import annotations

from collections.abc import Sequence

import sentencepiece

from input_pipeline.errors import UserError


class SentencePieceEngine:
    """Text and ids by a sentencepiece model, which never reads a control token out of text.

    Attributes:
      vocab_size: pieces.
      controls: id of each control token.
      special: the model's begin, end, padding and unknown token, those that it has, by Hugging Face's names.

    Raises:
      UserError: not a sentencepiece model.
    """

    def __init__(self, model: bytes, where: str):
        try:
            if not model:
                raise ValueError("empty")
            self._pieces = pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{where}: not a sentencepiece model; give the .model file that it was saved as") from error
        if not 0 <= pieces.unk_id() < pieces.vocab_size():
            raise UserError(f"{where}: a damaged sentencepiece model, without its unknown token; copy the .model file again")
        self.vocab_size = pieces.vocab_size()
        self.controls = {pieces.id_to_piece(i): i for i in range(self.vocab_size) if pieces.is_control(i)}
        roles = {"bos_token": pieces.bos_id(), "eos_token": pieces.eos_id(), "pad_token": pieces.pad_id()}
        self.special = {name: pieces.id_to_piece(i) for name, i in roles.items() if i >= 0}
        self.special["unk_token"] = pieces.id_to_piece(pieces.unk_id())

    def encode(self, text: str, starts: bool = True) -> list[int]:
        """Ids of a stretch between control tokens. Each gets the model's space in front, as in Meta's own Llama 2 code."""
        return self._pieces.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids of the vocabulary, none of them a control token."""
        return self._pieces.decode(list(ids))
