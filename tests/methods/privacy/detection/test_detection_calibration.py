import time

import pytest

from verify.content import suites_folder
from verify.errors import NotEnoughDataError, UsageError
from verify.methods.privacy.detection import TYPES, PiiDetector, detector
from verify.methods.privacy.detection.calibration import Row, measure, overlaps, share, table
from verify.methods.privacy.detection.corpus import PARTS, Label, Sentence, corpus
from verify.methods.privacy.detection.corpus_templates import WITH_DATA, WITHOUT_DATA

LOOKED_AT = 20_261_123
"""Its misses were looked at when the patterns were last tuned, as those of seeds 1 and 2 were: it shows no more than
that nothing got worse."""
HELD_OUT = 604_178
"""Measured once, for the card; nothing was tuned on it. Whoever changes a pattern chooses another one."""


@pytest.fixture(scope="module")
def rows(by_form):
    return {row.type: row for row in measure(by_form, corpus(LOOKED_AT, 760))}


@pytest.mark.parametrize("kind", sorted(TYPES.keys() - {"PERSON"}))
def test_each_type_is_found_as_often_as_promised(rows, kind):
    row = rows[kind]

    assert row.recall_clean.value >= 0.95
    assert row.recall_obfuscated.value >= 0.90
    assert row.precision.value >= 0.95


def test_a_corpus_is_a_function_of_its_seed():
    assert corpus(3, 40) == corpus(3, 40)
    assert corpus(3, 40) != corpus(4, 40)
    assert {sentence.part for sentence in corpus(3, 1)} == set(PARTS)
    with pytest.raises(UsageError, match="at least 1"):
        corpus(3, 0)


def test_labels_cut_out_exactly_the_values():
    for sentence in corpus(5, 200):
        ends = [0, *(label.end for label in sentence.labels)]
        assert all(label.start >= end for label, end in zip(sentence.labels, ends, strict=False))
        assert all(sentence.text[label.start : label.end].strip() for label in sentence.labels)
        assert bool(sentence.labels) == (sentence.part != "hard_negative")


def test_there_are_at_least_sixty_sentences_and_all_are_different():
    assert len(set(WITH_DATA)) == len(WITH_DATA) >= 60
    assert len(set(WITHOUT_DATA)) == len(WITHOUT_DATA) >= 20


def test_recall_and_precision_are_counted_as_said(by_form):
    # Oracle: counted by hand. One of two labels is right, one detection of three has no label.
    sentences = [
        Sentence("010-2345-6789 hong", (Label("KR_MOBILE", 0, 13),), "clean", 0),
        Sentence("없음 010-2345-6789", (Label("KR_MOBILE", 0, 2),), "clean", 1),
        Sentence("010-2345-6789", (), "hard_negative", 0),
    ]

    row = next(row for row in measure(by_form, sentences) if row.type == "KR_MOBILE")

    assert (row.recall_clean.hits, row.recall_clean.trials) == (1, 2)
    assert (row.precision.hits, row.precision.trials) == (1, 3)
    assert row.recall_obfuscated is None


def test_what_was_not_measured_is_not_a_number():
    with pytest.raises(NotEnoughDataError, match="no sentences"):
        measure(PiiDetector(types=frozenset({"KR_RRN"})), [])
    assert share(0, 0) is None
    assert "미측정" in table([Row("KR_RRN", None, share(9, 10), None)])


def test_half_of_the_longer_stretch_must_be_shared():
    assert overlaps(0, 10, other=(5, 10))
    assert not overlaps(0, 10, other=(6, 10))
    assert not overlaps(0, 2, other=(2, 4))


@pytest.mark.slow
def test_patterns_take_a_thousand_sentences_a_second(by_form):
    texts = [sentence.text for sentence in corpus(6, 1000)]
    by_form.detect_all(texts[:10])

    started = time.process_time()  # whatever else the machine does
    by_form.detect_all(texts)

    assert len(texts) / (time.process_time() - started) >= 1000


@pytest.fixture(scope="module")
def all_rows():
    return measure(detector(), corpus(HELD_OUT, 760))


@pytest.mark.slow
def test_the_card_prints_the_calibration_as_it_is_measured_here(all_rows):
    card = (suites_folder() / "privacy" / "CARD.md").read_text(encoding="utf-8")

    assert table(all_rows) in card


@pytest.mark.slow
def test_names_in_office_sentences_are_mostly_found_and_rarely_invented(all_rows):
    row = next(row for row in all_rows if row.type == "PERSON")

    assert row.recall_clean.value >= 0.85
    assert row.precision.value >= 0.90
