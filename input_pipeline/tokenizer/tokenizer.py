"""Text to ids and back, for training, generation and export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from input_pipeline.errors import UserError
from input_pipeline.tokenizer.chat import Chat, Engine
from input_pipeline.tokenizer.files import CONFIG, JSON, MODEL, NAMES, chat_template, ending_ids, read_files, special_tokens
from input_pipeline.tokenizer.json_engine import JsonEngine
from input_pipeline.tokenizer.sentencepiece_engine import SentencePieceEngine
from input_pipeline.whole_files import write_whole


class Tokenizer:
    """A language model's tokenizer, sentencepiece or tokenizer.json, with its chat template if it has one.

    Control tokens never come from text: "</s>" in a report is four ordinary characters. With both kinds of vocabulary
    tokenizer.json is used: it knows the added tokens that chat templates write, and transformers prefers it too.

    Args:
      files: bytes by their Hugging Face names (`files.NAMES`), or a sentencepiece model alone.
      where: names them in error messages.

    Attributes:
      vocab_size: rows that an embedding needs.
      bos_id: None where the model has no begin token (Qwen2).
      eos_id: the end token.
      eos_ids: all that end generation: `eos_id`, the template's end of turn, those of generation_config.json.
      pad_id: models without a padding token (Llama 2's, Llama 3's) pad with the end token, masked anyway.

    Raises:
      UserError: files that cannot be used.
    """

    def __init__(self, files: bytes | Mapping[str, bytes], where: str = "tokenizer"):
        self._files = {MODEL: files} if isinstance(files, bytes) else dict(files)
        self._where = where
        self._engine = engine = _engine(self._files, where)
        if "eos_token" not in engine.special:
            raise UserError(f"{where}: no end token: name the model's eos_token in {CONFIG}, or train a model with one")
        ids = {role: engine.controls[token] for role, token in engine.special.items() if token in engine.controls}
        self.vocab_size = engine.vocab_size
        self.bos_id, self.eos_id = ids.get("bos_token"), ids["eos_token"]
        self.pad_id = ids.get("pad_token", self.eos_id)
        template = chat_template(self._files, where)
        self._chat = None if template is None else Chat(template, engine, where)
        # Where a template leaves the end of a turn open, the end token closes it.
        turn = self._chat.end_id if self._chat else None
        self._end_id = self.eos_id if turn is None else turn
        self.eos_ids = tuple(dict.fromkeys((self.eos_id, self._end_id, *ending_ids(self._files, where))))

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """From a folder, a tokenizer.json with the files beside it, or a sentencepiece .model alone (no chat template).

        Raises:
          UserError: no tokenizer there, or one that cannot be used.
        """
        return cls(read_files(path), str(path))

    def encode(self, text: str) -> list[int]:
        """Token ids without begin and end."""
        return self._engine.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """Text up to the first end token; control tokens and ids beyond the vocabulary are left out."""
        ids = [int(token) for token in tokens]
        end = next((place for place, i in enumerate(ids) if i in self.eos_ids), len(ids))
        dropped = set(self._engine.controls.values())
        return self._engine.decode([i for i in ids[:end] if 0 <= i < self.vocab_size and i not in dropped])

    def prompt(self, instruction: str) -> list[int]:
        """What generation starts from: the chat template around the instruction, or begin and instruction without one."""
        if self._chat:
            return self._chat.prompt(instruction)
        return [*([] if self.bos_id is None else [self.bos_id]), *self.encode(instruction)]

    def prompts(self, instructions: Sequence[str]) -> list[list[int]]:
        """What stands before each answer of a conversation, whose answers are `target`s; the first is `prompt`'s."""
        if self._chat:
            return self._chat.prompts(instructions)
        return [self.prompt(text) if place == 0 else self.encode(text) for place, text in enumerate(instructions)]

    def target(self, report: str) -> list[int]:
        """What is learned after the prompt: the report and the token that ends the assistant's turn."""
        return [*self.encode(report), self._end_id]

    def files(self) -> dict[str, bytes]:
        """The files as they were loaded, by their Hugging Face names."""
        return {name: self._files[name] for name in NAMES if name in self._files}

    def save(self, folder: Path) -> None:
        """Writes `files()` into the folder, from which `load` gives the same tokenizer.

        Raises:
          UserError: the folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole({folder / name: content for name, content in self.files().items()})
        except OSError as error:
            raise UserError(
                f"{folder}: the tokenizer cannot be saved there ({error.strerror}): choose another folder"
            ) from error

    def hf_files(self) -> dict[str, bytes]:
        """The files for transformers' AutoTokenizer: `files()`, with a sentencepiece model in tokenizer.json form as well.

        Raises:
          UserError: a sentencepiece model that tokenizer.json cannot express.
        """
        if JSON in self._files:
            return self.files()
        # Needs protobuf, which nothing else here does.
        from input_pipeline.tokenizer.conversion import converted_files

        return self.files() | converted_files(self._files[MODEL], chat_template(self._files, self._where), self._where)


def _engine(files: Mapping[str, bytes], where: str) -> Engine:
    if JSON in files:
        return JsonEngine(files, special_tokens(files, where), where)
    return SentencePieceEngine(files[MODEL], where)
