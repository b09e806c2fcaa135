"""A judge model behind an OpenAI-compatible address, such as vLLM's or llama.cpp's own servers.

Texts go to the address that the user gave and nowhere else: no proxy of the environment is used, no redirect followed. What is
sent may describe patients; a model on one's own machine is what this is for.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request

from input_pipeline.errors import UserError

ATTEMPTS = 3  # ours, as all numbers here
_PAUSE_S = 0.5  # before the second attempt; doubled before each further one
_MOST_BYTES = 1 << 20
_MOST_TOKENS = 512
_TRY_AGAIN = (408, 429, 500, 502, 503, 504)


@dataclasses.dataclass
class Judge:
    """Asks a chat model one question at a time, at temperature 0.

    Attributes:
      address: up to the version, such as http://127.0.0.1:8000/v1.
      model: the name that the server knows it by.
      timeout_s: for one attempt.
      asked, repeated: how many questions there were, and how many attempts beyond each one's first.
    """

    address: str
    model: str
    timeout_s: float = 60.0
    asked: int = 0
    repeated: int = 0

    def __post_init__(self) -> None:
        """Raises UserError where the address is none of http or https, or no model is named."""
        try:
            parts = urllib.parse.urlsplit(self.address)
            named = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            named = False
        if not named:
            raise UserError(f"judge {self.address!r}: expected an address as http://127.0.0.1:8000/v1")
        if not self.model:
            raise UserError("a judge needs the name of its model: add --judge_model=NAME, see `curl ADDRESS/models`")

    def __call__(self, question: str) -> str:
        """The reply's text.

        Raises:
          UserError: the address did not answer in ATTEMPTS attempts, refused the question, or sent no chat completion.
        """
        self.asked += 1
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            "max_tokens": _MOST_TOKENS,
        }
        return self._text_of(self._post(json.dumps(body).encode()))

    def _post(self, body: bytes) -> bytes:
        url = f"{self.address.rstrip('/')}/chat/completions"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.repeated += 1
                time.sleep(_PAUSE_S * 2 ** (attempt - 1))
            try:
                with _OPENER.open(request, timeout=self.timeout_s) as answer:
                    return answer.read(_MOST_BYTES)
            except urllib.error.HTTPError as error:
                said = _one_line(error.read(_MOST_BYTES).decode(errors="replace"))
                reason = f"status {error.code}: {said}"
                if error.code not in _TRY_AGAIN:
                    raise UserError(f"judge {url} refused ({reason}): check address and --judge_model") from error
            except (OSError, http.client.HTTPException) as error:
                reason = _one_line(str(error)) or type(error).__name__
        raise UserError(f"judge {url} did not answer in {ATTEMPTS} attempts ({reason}): is the server running there?")

    def _text_of(self, answer: bytes) -> str:
        try:
            content = json.loads(answer)["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            said = _one_line(answer.decode(errors="replace"))
            raise UserError(f"judge {self.address} sent no chat completion ({said}): is it OpenAI-compatible?") from error
        # Some servers send null where the model said nothing: a reply without a score.
        return content if isinstance(content, str) else ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
