"""A chat template around our text, with control tokens out of the template alone.

The template is rendered around a stand-in character. Control tokens are looked for before the user's text takes its
place, so "<|eot_id|>" in an instruction can only become ordinary tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    """One user message and the answer, in the form of a template.

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
        answered = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _CONTENT}]
        found = self._controls.search(self._render(answered, prompting=False).rpartition(_CONTENT)[2])
        self.end_id = engine.controls[found[0]] if found else None

    def prompt(self, instruction: str) -> list[int]:
        """Ids of the user's message up to where the assistant's text begins."""
        text = instruction.strip()
        # The outer whitespace goes through the template, which may strip it, of whatever kind.
        before = instruction[: len(instruction) - len(instruction.lstrip())]
        after = instruction[len(before) + len(text) :]
        message = {"role": "user", "content": before + _CONTENT + after}
        ids: list[int] = []
        for place, stretch in enumerate(self._controls.split(self._render([message], prompting=True))):
            if place % 2:
                ids.append(self._engine.controls[stretch])
            elif stretch:
                ids += self._engine.encode(stretch.replace(_CONTENT, text), starts=place == 0)
        return ids

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
