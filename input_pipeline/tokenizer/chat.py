"""A chat template around our text, with control tokens out of the template alone.

The template is rendered around a stand-in character. Control tokens are looked for before the user's text takes its
place, so "<|eot_id|>" in an instruction can only become ordinary tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import jinja2
import jinja2.ext
import jinja2.sandbox

from input_pipeline.errors import UserError

_CONTENT = "\ue123"  # private use: no template writes it, and no strip() takes it


class Engine(Protocol):
    """What turns text into ids: `SentencePieceEngine` or `JsonEngine`."""

    vocab_size: int
    controls: dict[str, int]
    special: dict[str, str]

    def encode(self, text: str, starts: bool = True) -> list[int]:
        """Ids of text without control tokens; `starts`: nothing stands before it."""

    def decode(self, ids: list[int]) -> str:
        """Text of ids without control tokens."""


class Chat:
    """User messages and answers, in the form of a template.

    Attributes:
      end_id: the control token that the template puts behind the assistant's text; None where it puts none.

    Raises:
      UserError: the template fails, or does not show the message.
    """

    def __init__(self, template: str, engine: Engine, where: str):
        self._engine, self._where = engine, where
        self._template = _compile(template, where)
        # Longest first, as the tokenizers library matches.
        controls = sorted(engine.controls, key=len, reverse=True)
        self._controls = re.compile(f"({'|'.join(map(re.escape, controls))})")
        self.prompt("?")
        answered = [{"role": "user", "content": _CONTENT}, {"role": "assistant", "content": _CONTENT}]
        found = self._controls.search(self._render(answered, prompting=False).rpartition(_CONTENT)[2])
        self.end_id = engine.controls[found[0]] if found else None

    def prompt(self, instruction: str) -> list[int]:
        """Ids of the user's message up to where the assistant's text begins."""
        return self._prompt(instruction, 0)

    def prompts(self, instructions: Sequence[str]) -> list[list[int]]:
        """What stands before each answer of a conversation; the first is `prompt`'s, and each other follows on an end token.

        What a template writes between an answer and its end token is left out, as by `Tokenizer.target`.

        Raises:
          UserError: the template leaves out messages, or ends answers differently.
        """
        return [self._prompt(instruction, place) for place, instruction in enumerate(instructions)]

    def _prompt(self, instruction: str, earlier: int) -> list[int]:
        text = instruction.strip()
        # The outer whitespace goes through the template, which may strip it, of whatever kind.
        before = instruction[: len(instruction) - len(instruction.lstrip())]
        after = instruction[len(before) + len(text) :]
        messages = [{"role": role, "content": _CONTENT} for role in ("user", "assistant") * earlier]
        # Rendered as it is when the assistant is to speak, so that what is learned follows what generation starts from.
        rendered = self._render([*messages, {"role": "user", "content": before + _CONTENT + after}], prompting=True)
        rendered = self._after_answer(rendered, len(messages) + 1) if earlier else rendered
        ids: list[int] = []
        for place, stretch in enumerate(self._controls.split(rendered)):
            if place % 2:
                ids.append(self._engine.controls[stretch])
            elif stretch:
                ids += self._engine.encode(stretch.replace(_CONTENT, text), starts=not earlier and place == 0)
        return ids

    def _after_answer(self, rendered: str, messages: int) -> str:
        """What follows the end token of the last answer."""
        parts = rendered.split(_CONTENT)
        if len(parts) != messages + 1:
            raise UserError(
                f"{self._where}: the chat template leaves out or changes messages of a conversation: mend it, or train on "
                "pairs (data.conversation)"
            )
        between, end = parts[-2:]
        found = self._controls.search(between)
        if self.end_id is not None:
            if found is None or self._engine.controls[found[0]] != self.end_id:
                raise UserError(
                    f"{self._where}: the chat template ends the last answer otherwise than those before: mend it, or train on "
                    "pairs (data.conversation)"
                )
            between = between[found.end() :]
        return between + _CONTENT + end

    def _render(self, messages: list[dict[str, str]], prompting: bool) -> str:
        variables = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": prompting}
        try:
            text = self._template.render(self._engine.special | variables)
        except Exception as error:  # a template is a program of the model's makers: anything may go wrong in it
            reason = " ".join(str(error).split())
            raise UserError(f"{self._where}: the chat template fails ({reason}): mend it or take it away") from error
        if _CONTENT not in text:
            raise UserError(f"{self._where}: the chat template leaves out or changes the message: mend it or take it away")
        return text


def _compile(template: str, where: str) -> jinja2.Template:
    """The template in the environment that transformers gives it (transformers/utils/chat_template_utils.py)."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    # Without transformers' strftime_now, templates that would write today's date (Llama 3's) write the fixed one that they have
    # for this case: what is learned must not depend on the day.
    environment.globals["raise_exception"] = _raise
    try:
        return environment.from_string(template)
    except jinja2.TemplateError as error:
        raise UserError(f"{where}: the chat template is not Jinja ({error}): mend it or take it away") from error


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


class _Generation(jinja2.ext.Extension):
    """{% generation %} marks the assistant's text for trainers that mask the rest; we mask by prompt and target."""

    tags: Mapping[str, None] = {"generation": None}

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)
