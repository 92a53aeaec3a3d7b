"""The Korean report is Korean: English are ids, names of products and people, and what is marked as recorded English."""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from lxml import html

from tests.reporting.full_run import ISOLATION, PATH_REASON, make_evidence
from tests.reporting.test_instrument import AGAIN, MEASURED, TRIED
from verify.evidence import read_bundle, write_bundle
from verify.loading import load_frameworks
from verify.methods.catalogue import methods
from verify.records import Conduct, Outcome
from verify.reporting import LANGUAGES, Words, render
from verify.reporting.html import label_text
from verify.reporting.translated import interval_method, metric_name, told, told_list
from verify.runtime.opening import open_subject

Locales = Mapping[str, Mapping[str, Any]]

SENTENCES = (
    *ISOLATION.partition(": ")[2].split("; "),
    *PATH_REASON.split("; "),
    "network (own user, network, IPC and process namespaces) (unreachable)",
    "network (own user, network and IPC namespaces) (unreachable)",
    "no own namespaces: No space left on device",
    "no own namespaces: the process namespace was not entered",
    "no dropped capabilities: Operation not permitted",
    "no files by Landlock: Function not implemented",
    "no system calls by seccomp: no filter for riscv64",
    "resource limits (no memory cap)",
    "resource limits and an offline environment only (no Linux sandbox on this host)",
    "the subject runs elsewhere; only text crosses",
    "nothing of the subject runs here",
    "packed rows: differences of 2.0e-06 nats a token, at most 1.6e-05 (1.0e-04, 1.0e-04 allowed)",
    "split attention: differences of 2.1e-06 nats a token, at most 1.1e-05 (1.0e-04, 1.0e-04 allowed)",
    (
        "prefixes are not shared: at 96 tokens the beginning of an input depends on what follows it"
        " (attention that is not causal)"
    ),
    "prefixes are not shared: ValueError in the architecture's own code",
    "ValueError in the architecture's own code at 96 tokens",
    "the architecture takes no cache, or fails with one",
    "the window is too short for a trial",
    "the tokenizer has no ordinary token to make a trial of",
    "the encoder reads each context once",
    "a classifier reads each text once; nothing is shared",
    "a tabular model reads each row once; nothing is shared",
    "answers were recorded elsewhere; under which conditions was not verified",
    "config.json: auto_map was dropped (it can make a library load code); the library's own code is used",
    "'pytorch_model.bin' was not read: its format can run code",
    "'modeling.py' was not read: code of the subject is not run",
    "'other.safetensors' was not read: no index names it",
    "weights not used by this architecture: lm_head.bias",
    "endpoint identity is what the server says of itself; it was not verified",
    "the connection is not encrypted",
    "no log-probabilities: the server has no /v1/completions",
    "no log-probabilities: the server gives different texts the same log-probability a token",
    "the server's list of models does not name this one; it may answer with another",
    "raw prompts are sent as one user message, because the server continues no raw text",
    "conversations cannot be asked: the server has no /v1/chat/completions for this model",
    "the served model changed during the run: b / fp2, it was a / fp1",
    "after a restart path is plain, it was shared-prefix",
    "not all actors compute alike: they differ in dtype, device",
    f"vault sha256:{'0' * 64}",
)
"""Every sentence that the engine writes about a subject, as of this version."""

INTERVALS = (
    "clopper-pearson", "korn-graubard", "korn-graubard-paired", "korn-graubard, lower bound", "cr1-t", "cr1-t-paired",
    "cr1-t-difference", "magnitude-cr1-t", "magnitude-clustered-difference", "tango", "fieller-cr1-t", "jackknife-t",
    "jackknife-t-skew-log", "jackknife-t-log", "jackknife-t-skew", "confidence-sequence", "newcombe-auc",
    "newcombe-auc, length, design-ok", "newcombe-auc, length, design-invalid", "fisher-inversion", "fisher-exact-ranks",
    "steinke-one-run", "cr1-t-skew-fpc", "korn-graubard-fpc", "hypergeometric", "whole-list", "clopper-pearson-paired",
    "box-of-4-cr1-t-bonferroni", "max-of-5-korn-graubard-paired-bonferroni",
)  # fmt: skip

NAMES = re.compile(
    r"sha256:\w+|[\w.-]+/\w+|AXV-[\w-]+|(?:results|responses|report|subject)\.\w+|[\w.-]+\.(?:json|html|jsonl|safetensors)"
    r"|--[\w-]+|verify audit|KR_\w+|[a-z]+(?:[-.][\w*-]+)+|\d[\w.-]*|log p|AX Verify"
)
"""Ids of checks, methods, standards and entities, files, options and commands."""
IDS = {"accuracy", "robustness", "bias", "privacy", "canaries"}
"""Of suites and inputs."""
PRODUCTS = {
    *("SHA", "KOLAS", "RFC", "ILAC", "JCGM", "ISO", "IEC", "Holm", "Bonferroni", "Clopper", "Pearson", "Korn"),
    *("Graubard", "Cameron", "Miller", "CR", "Landlock", "ABI", "seccomp", "PyTorch", "Transformers", "scipy", "Linux"),
    *("KST", "GiB", "Xeon", "nat", "cpu", "cuda", "bfloat", "float", "cluster", "exaone", "passages", "typos", "T"),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, locales: Locales) -> html.HtmlElement:
    """A run of which everything is known that a run can know, and in which nothing was recorded in free words."""
    folder = tmp_path_factory.mktemp("korean")
    evidence = make_evidence()
    assert isinstance(evidence.conduct, Conduct)
    checks = tuple(check.model_copy(update={"warnings": (), "not_measured": None}) for check in evidence.plan.checks)
    plan = evidence.plan.model_copy(update={"checks": checks})
    results = evidence.results.model_copy(
        update={"plan": plan.content_digest(), "calibration": MEASURED.content_digest()}
    )
    evidence = replace(
        evidence,
        plan=plan,
        results=results,
        calibration=MEASURED,
        subject=evidence.subject.model_copy(update={"warnings": ("the connection is not encrypted",)}),
        conduct=evidence.conduct.model_copy(update={"suitability": TRIED, "repeatability": AGAIN}),
    )
    write_bundle(folder, evidence)
    (file,) = render(
        read_bundle(folder), out=folder / "report", frameworks=(), locales=locales, formats=("html",), languages=("ko",)
    )
    return html.fromstring(file.read_bytes())


def test_no_english_is_left_on_the_korean_page(page: html.HtmlElement) -> None:
    page = deepcopy(page)
    for shown_as_it_is in page.xpath("//head | //style | //pre | //*[@lang='en'] | //*[contains(@class, 'code')]"):
        shown_as_it_is.drop_tree()

    left: dict[str, str] = {}
    for text in page.itertext():
        for word in re.findall(r"[A-Za-z]{2,}", NAMES.sub(" ", text)):
            if word not in PRODUCTS | IDS:
                left.setdefault(word, " ".join(text.split())[:120])
    assert left == {}


def test_nothing_is_marked_as_recorded_english_but_the_rule(page: html.HtmlElement) -> None:
    marked = [" ".join(element.text_content().split())[:40] for element in page.xpath("//*[@lang='en']")]

    assert marked == ["pass: the one-sided bound at alpha lies "]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_sentence_of_the_engine_is_known(locales: Locales, language: Any, sentence: str) -> None:
    words = Words(language, locales[language])
    found = told(sentence, words)

    assert not found.original
    assert words("engine.original") not in found.text
    assert bool(re.search("[가-힣]", found.text)) == (language == "ko")


def test_an_unknown_sentence_is_shown_as_it_was_recorded_and_marked(locales: Locales) -> None:
    words = Words("ko", locales["ko"])

    assert told("a plug-in's own words", words) == ("a plug-in's own words", True)
    assert [each.original for each in told_list("T1: offline environment; a new layer", words)] == [False, True]
    assert told("no log-probabilities: a new doubt", words).text == "확률값을 쓰지 않음: 영문 기록: a new doubt"


def test_what_a_real_subject_says_of_itself_is_known(locales: Locales) -> None:
    """The oracle is the engine itself: a sentence that it changes without a pattern here fails."""
    runtime = open_subject("reference:stereotype-clean-1")
    try:
        subject = runtime.subject
    finally:
        runtime.close()

    words = Words("ko", locales["ko"])
    notes = [*told_list(subject.isolation, words), *told_list(subject.path_reason, words)]
    assert len(notes) >= 3
    assert [note.text for note in notes if note.original] == []
    assert [name for name in subject.environment if not words.has(f"environment.{name}")] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_metric_has_a_name(locales: Locales, language: Any) -> None:
    words = Words(language, locales[language])
    names = {metric.name for method in methods().values() for metric in method.metrics}

    assert [name for name in names if not words.has(f"metric.{name}")] == []
    assert metric_name("exact_match,strict-match", words).endswith("(strict-match)")
    assert metric_name("own-metric", words) == "own-metric"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", INTERVALS)
def test_every_interval_method_has_a_name(locales: Locales, language: Any, name: str) -> None:
    shown = interval_method(name, Words(language, locales[language]))

    assert shown != name
    assert bool(re.search("[가-힣]", shown)) == (language == "ko")


def test_an_unknown_interval_method_keeps_its_name(locales: Locales) -> None:
    assert interval_method("of-a-plug-in", Words("ko", locales["ko"])) == "of-a-plug-in"


def test_frameworks_and_outcomes_are_named_in_korean(locales: Locales) -> None:
    words = Words("ko", locales["ko"])

    assert all(re.search("[가-힣]", words(f"verdict.{outcome.value}")) for outcome in Outcome)
    assert all(re.search("[가-힣]", framework.title.ko) for framework in load_frameworks().values())


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("kind", "ambiguous", "답이 없는 글"),
        ("chosen", "target", "통념이 가리키는 사람"),
        ("grades", "likely-real 1, public-body 2", "진짜로 보임 1, 공공기관의 정보 2"),
        ("chosen_char", "water", "water"),  # what an item says, though a topic has that name
    ],
)
def test_codes_of_a_score_have_names_and_words_of_an_item_stay(
    locales: Locales, key: str, value: str, shown: str
) -> None:
    assert label_text(key, value, Words("ko", locales["ko"])) == shown
