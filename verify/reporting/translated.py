"""What the engine noted in English, in the language of the report.

Subjects, endpoints and sandboxes describe themselves in one sentence each, which the bundle keeps as it was written.
Every sentence that the engine can write has a pattern here; one that has none (of a plug-in, of another version) is
shown as it was recorded and marked as English, never dropped: it may be a warning.
"""

import re
from typing import Final, NamedTuple

from verify.reporting.text import one_line
from verify.reporting.words import Words

LONGEST: Final = 600
"""Characters of a note that a report shows."""


class Told(NamedTuple):
    """A sentence for the reader."""

    text: str
    original: bool = False
    """Whether these are the recorded English words, because nothing here knows them."""


_SENTENCES: Final = tuple(
    (re.compile(pattern, re.DOTALL), key)
    for pattern, key in (
        (r"network \(own user, network, IPC and process namespaces\) \(unreachable\)", "engine.network"),
        (r"network \(own user, network and IPC namespaces\) \(unreachable\)", "engine.network_without"),
        (r"files by Landlock \(ABI (?P<abi>\d+)\)", "engine.files"),
        (r"system calls by seccomp \((?P<n>\d+) calls and internet sockets denied\)", "engine.calls"),
        (r"resource limits \(memory cap (?P<size>[\d.]+) GiB\)", "engine.memory"),
        (r"resource limits \(no memory cap\)", "engine.no_memory"),
        (r"offline environment", "engine.offline"),
        (r"no own namespaces: (?P<why>.+)", "engine.no_network"),
        (r"no dropped capabilities: (?P<why>.+)", "engine.no_capabilities"),
        (r"no files by Landlock: (?P<why>.+)", "engine.no_files"),
        (r"no system calls by seccomp: (?P<why>.+)", "engine.no_calls"),
        (r"Operation not permitted|Permission denied", "engine.not_permitted"),
        (r"Function not implemented", "engine.not_there"),
        (r"No space left on device", "engine.no_space"),
        (r"no filter for (?P<name>\S+)", "engine.no_filter"),
        (r"the process namespace was not entered", "engine.not_entered"),
        (r"resource limits and an offline environment only \(no Linux sandbox on this host\)", "engine.no_linux"),
        (r"the subject runs elsewhere; only text crosses", "engine.elsewhere"),
        (r"nothing of the subject runs here", "engine.nothing_runs"),
        (
            r"tried up to (?P<n>\d+) tokens against the plain forward: shared prefixes: (?P<found>[^;]+)",
            "engine.tried",
        ),
        (r"packed rows: (?P<found>[^;]+)", "engine.packed"),
        (r"packed rows are not used: (?P<found>[^;]+)", "engine.not_packed"),
        (r"split attention: (?P<found>[^;]+)", "engine.split"),
        (r"split attention is not used: (?P<found>[^;]+)", "engine.not_split"),
        (
            (
                r"differences of (?P<rms>\S+) nats a token, at most (?P<most>\S+)"
                r" \((?P<rms_allowed>\S+), (?P<most_allowed>\S+) allowed\)"
            ),
            "engine.difference",
        ),
        (
            (
                r"prefixes are not shared: at (?P<n>\d+) tokens the beginning of an input depends on what follows it"
                r" \(attention that is not causal\)"
            ),
            "engine.not_causal",
        ),
        (r"prefixes are not shared: (?P<found>.+)", "engine.not_shared"),
        (r"the architecture takes no cache, or fails with one", "engine.no_cache"),
        (r"the window is too short for a trial", "engine.short_window"),
        (r"the tokenizer has no ordinary token to make a trial of", "engine.no_token"),
        (r"(?P<error>\w+) in the architecture's own code at (?P<n>\d+) tokens", "engine.own_code_at"),
        (r"(?P<error>\w+) in the architecture's own code", "engine.own_code"),
        (r"no memory for a trial", "engine.no_memory_trial"),
        (r"the windows are shorter than what a trial shares", "engine.windows_short"),
        (r"the encoder reads each context once", "engine.encoder"),
        (r"a classifier reads each text once; nothing is shared", "engine.classifier"),
        (r"a tabular model reads each row once; nothing is shared", "engine.tabular"),
        (r"answers were recorded elsewhere; under which conditions was not verified", "engine.recorded"),
        (
            (
                r"(?P<file>\S+): (?P<key>\S+) was dropped \(it can make a library load code\);"
                r" the library's own code is used"
            ),
            "engine.dropped",
        ),
        (r"(?P<file>.+) was not read: its format can run code", "engine.unread_pickle"),
        (r"(?P<file>.+) was not read: code of the subject is not run", "engine.unread_code"),
        (r"(?P<file>.+) was not read: no index names it", "engine.unread_weights"),
        (r"weights not used by this architecture: (?P<key>.+)", "engine.unused"),
        (r"endpoint identity is what the server says of itself; it was not verified", "engine.identity"),
        (r"the connection is not encrypted", "engine.unencrypted"),
        (r"no log-probabilities: (?P<why>.+)", "engine.no_logprobs"),
        (r"the server gives different texts the same log-probability a token", "engine.same_logprobs"),
        (r"the server has no /v1/completions", "engine.no_completions"),
        (r"the server's list of models does not name this one; it may answer with another", "engine.unlisted"),
        (
            r"raw prompts are sent as one user message, because the server continues no raw text",
            "engine.as_message",
        ),
        (
            r"conversations cannot be asked: the server has no /v1/chat/completions for this model",
            "engine.no_chat",
        ),
        (
            r"the served model changed during the run: (?P<now>.+), it was (?P<was>.+)",
            "engine.served_changed",
        ),
        (r"after a restart (?P<name>\w+) is (?P<now>.+), it was (?P<was>.+)", "engine.restarted"),
        (r"not all actors compute alike: they differ in (?P<names>.+)", "engine.actors"),
        (r"vault (?P<digest>sha256:[0-9a-f]{64})", "deviation.vault"),
    )
)
_INSIDE: Final = frozenset({"found", "why"})
"""Values that are sentences themselves."""
_TIER: Final = re.compile(r"T[0-2]: ")


def told(note: str, words: Words) -> Told:
    """One sentence of the engine in the reader's language, or as it was recorded."""
    shown = one_line(note, limit=LONGEST)
    for pattern, key in _SENTENCES:
        match = pattern.fullmatch(note)
        if match is None:
            continue
        values: dict[str, object] = {}
        for name, value in match.groupdict().items():
            inner = told(value, words) if name in _INSIDE else Told(one_line(value, limit=200))
            values[name] = f"{words('engine.original')} {inner.text}" if inner.original else inner.text
        return Told(words(key, **values))
    return Told(shown, original=True)


def told_list(note: str, words: Words) -> tuple[Told, ...]:
    """What the engine joined with semicolons (the layers of a sandbox, the trials of a path), one by one."""
    note = _TIER.sub("", note, count=1)
    whole = told(note, words)
    if not whole.original or "; " not in note:
        return (whole,) if note else ()
    return tuple(told(part, words) for part in note.split("; "))


def interval_method(name: str, words: Words) -> str:
    """What an interval's method is called, with its source; a name that is not known is shown as it is.

    Args:
        name: As estimates have it, e.g. `max-of-5-korn-graubard-paired-bonferroni`.
        words: In whose language.
    """
    if words.has(f"interval.{name}"):
        return words(f"interval.{name}")
    for pattern, key in _COMPOSED:
        match = pattern.fullmatch(name)
        if match is not None:
            values = match.groupdict()
            if "verdict" in values:
                values["verdict"] = words(f"interval.{values['verdict']}")
            return words(key, **{**values, "method": interval_method(values["method"], words)})
    return one_line(name)


_COMPOSED: Final = (
    (re.compile(r"(?P<method>.+)-fpc"), "interval.listed"),
    (re.compile(r"(?P<method>.+), lower bound"), "interval.lower"),
    (re.compile(r"max-of-(?P<k>\d+)-(?P<method>.+)-bonferroni"), "interval.largest"),
    (re.compile(r"box-of-(?P<k>\d+)-(?P<method>.+)-bonferroni"), "interval.box"),
    (
        re.compile(r"(?P<method>newcombe-auc), (?P<feature>.+), (?P<verdict>design-ok|design-invalid)"),
        "interval.design",
    ),
)


def metric_name(name: str, words: Words) -> str:
    """What a metric says, in words; that of an lm-eval task keeps the filter behind its name."""
    base, _, kept = name.partition(",")
    if not words.has(f"metric.{base}"):
        return one_line(name)
    shown = words(f"metric.{base}")
    return f"{shown} ({one_line(kept)})" if kept else shown
