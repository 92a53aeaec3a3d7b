"""Conversations become prompts; what comes back is parted into thinking and answer."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from jinja2.exceptions import TemplateError

from verify.records import Failed, FailureReason, Message

PROMPT_LIMIT: Final = 4 * 1024 * 1024
"""Most characters that a rendered conversation may have; a hostile template can write without end."""
RENDER_SECONDS: Final = 5.0
"""Longest that a template may run; loops in loops run for ever, though each of them is bounded by the sandbox."""


class Markers(NamedTuple):
    """What stands around a model's thinking."""

    open: str
    close: str


FAMILIES: Final = (
    Markers("<think>", "</think>"),
    Markers("<thought>", "</thought>"),
    Markers("[THINK]", "[/THINK]"),
    Markers("<|think|>", "<|end|><|begin|>assistant<|content|>"),
    Markers("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
    Markers("<|im_start|>assistant/think\n", "<|im_end|>\n<|im_start|>assistant\n"),
)
"""Markers in use: most families, EXAONE Deep, Magistral, Solar Open, gpt-oss, HyperCLOVA X SEED Think."""


class Rendered(NamedTuple):
    """A prompt as text."""

    text: str
    add_special: bool
    """Whether the tokenizer shall add its own special tokens; a template writes them itself."""
    thinking: Markers | None
    """Set where the prompt ends inside a thinking part that it has opened itself."""


class Spoken(NamedTuple):
    """What a subject wrote, parted."""

    text: str
    thinking: str
    is_open: bool
    """Whether the thinking had not ended."""


class _TooSlowError(BaseException):
    """A template ran out of time; no `Exception`, so that nothing on the way swallows it."""


_TOO_SLOW: Final = Failed(
    reason=FailureReason.TIMEOUT, detail=f"the chat template was not rendered within {RENDER_SECONDS:g} s"
)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Interrupt what runs longer; outside of a process's main thread, where no signal can, it runs on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        del number, frame
        raise _TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def plain_conversation(messages: Sequence[Message]) -> str:
    """A conversation for a subject without chat template: each turn's text on its own, one after the other."""
    return "".join(f"{message.content}\n" for message in messages)


class Voice:
    """How a subject is spoken to, and how its tokens are read.

    Args:
        tokenizer: The subject's tokenizer; its template is rendered in transformers' sandbox
            (no attributes, no file access), in bounded time. Memory is the worker's limit.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.has_template = bool(getattr(tokenizer, "chat_template", None))
        self._special = sorted((t for t in tokenizer.all_special_tokens if t), key=len, reverse=True)
        vocabulary = tokenizer.get_vocab()
        self._known = tuple(m for m in FAMILIES if m.close in vocabulary)
        self._hangs = False

    def prompt(self, text: str) -> Rendered:
        """A raw prompt."""
        return Rendered(text, add_special=True, thinking=None)

    def conversation(self, messages: Sequence[Message]) -> Rendered | Failed:
        """A conversation through the subject's template, or plain where it has none."""
        if not self.has_template:
            return self.prompt(plain_conversation(messages))
        if self._hangs:
            return _TOO_SLOW
        turns = [{"role": m.role, "content": m.content} for m in messages]
        try:
            with _within(RENDER_SECONDS):
                text = self._render(turns)
        except _TooSlowError:
            self._hangs = True
            return _TOO_SLOW
        except (TemplateError, TypeError, ValueError, KeyError, AttributeError, OverflowError, ZeroDivisionError):
            return Failed(reason=FailureReason.MALFORMED, detail="the chat template cannot be rendered")
        if len(text) > PROMPT_LIMIT:
            return Failed(reason=FailureReason.TOO_LONG, detail=f"the chat template wrote {len(text)} characters")
        ending = text.rstrip()
        opened = next((m for m in FAMILIES if ending.endswith(m.open.rstrip())), None)
        return Rendered(text, add_special=False, thinking=opened)

    def _render(self, turns: list[dict[str, str]]) -> str:
        """Render; a template that refuses a system turn gets its text in front of the first user turn."""
        try:
            return str(self._template(turns))
        except TemplateError:
            if turns[0]["role"] != "system" or len(turns) < 2 or turns[1]["role"] != "user":
                raise
            merged = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
            return str(self._template([merged, *turns[2:]]))

    def _template(self, turns: list[dict[str, str]]) -> Any:
        return self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

    def read(self, ids: Sequence[int], *, opened: Markers | None) -> Spoken:
        """Text of generated tokens, with the thinking kept apart.

        Args:
            ids: Generated token ids.
            opened: The markers of a thinking part that the prompt had opened.
        """
        raw = str(self._tokenizer.decode(ids, skip_special_tokens=False))
        markers = opened or next((m for m in FAMILIES if raw.lstrip().startswith(m.open)), None)
        if markers is None:
            markers = next((m for m in self._known if m.close in raw), None)
        if markers is None:
            return Spoken(str(self._tokenizer.decode(ids, skip_special_tokens=True)), thinking="", is_open=False)
        before, close, after = raw.partition(markers.close)
        thinking = self._without_special(before.lstrip().removeprefix(markers.open)).strip()
        if not close:
            return Spoken("", thinking=thinking, is_open=True)
        return Spoken(self._without_special(after).lstrip("\n"), thinking=thinking, is_open=False)

    def _without_special(self, text: str) -> str:
        for token in self._special:
            text = text.replace(token, "")
        return text
