import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import UnknownNameError, UsageError
from verify.korean.jamo import decompose, is_syllable
from verify.korean.keyboard import NEIGHBOURS, as_latin
from verify.korean.normalise import clean
from verify.korean.perturbations import PERTURBATIONS, SEVERITIES, perturbation
from verify.korean.protection import frozen, negations
from verify.korean.randomness import seeded
from verify.korean.typos import adjacent_key, mistype

NAMES = sorted(PERTURBATIONS)
PURE = [name for name in NAMES if PERTURBATIONS[name].pure_encoding]
IMPURE = [name for name in NAMES if name not in PURE]
SENTENCE = (
    "신청인 김서준은 2026년 3월 5일까지 서류를 내지 않았으므로 민원실에서 접수하지 못하였다. KTX 운임은 59,800원이다."
)
TEXTS = st.text(
    st.one_of(
        st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
        st.sampled_from("안못않없아니 03AZ가.,\n"),
        st.characters(),
    ),
    max_size=40,
)
SEEDS = st.integers(0, 2**32)


def _stripped(text: str) -> str:
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFKC", visible)


def _ascii(text: str) -> str:
    return re.sub("[^0-9A-Za-z]", "", text)


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS, seed=SEEDS, severity=st.sampled_from(SEVERITIES))
def test_one_seed_gives_one_text(name, text, seed, severity):
    disturb = PERTURBATIONS[name]

    assert disturb(text, severity=severity, seed=seed) == disturb(text, severity=severity, seed=seed)


@pytest.mark.parametrize("name", PURE)
@given(text=TEXTS, seed=SEEDS, severity=st.sampled_from(SEVERITIES))
def test_pure_encodings_are_undone_by_nfkc(name, text, seed, severity):
    disturbed = PERTURBATIONS[name](text, severity=severity, seed=seed)

    assert _stripped(disturbed) == _stripped(text)


@pytest.mark.parametrize("name", IMPURE)
@given(text=TEXTS, seed=SEEDS, severity=st.sampled_from(SEVERITIES))
def test_digits_and_negation_are_never_touched(name, text, seed, severity):
    disturbed = PERTURBATIONS[name](text, severity=severity, seed=seed)

    assert negations(disturbed) == negations(text)
    assert re.findall("[0-9]+", disturbed) == re.findall("[0-9]+", text)


@pytest.mark.parametrize("name", [name for name in IMPURE if name != "typo.keyboard_mode"])
@given(text=TEXTS, seed=SEEDS, severity=st.sampled_from(SEVERITIES))
def test_latin_letters_are_never_touched(name, text, seed, severity):
    assert _ascii(PERTURBATIONS[name](text, severity=severity, seed=seed)) == _ascii(text)


@pytest.mark.parametrize("name", NAMES)
@given(
    before=TEXTS, after=TEXTS, part=st.text(min_size=1, max_size=6), seed=SEEDS, severity=st.sampled_from(SEVERITIES)
)
def test_protected_parts_are_kept_whole(name, before, after, part, seed, severity):
    text = before + part + after

    disturbed = PERTURBATIONS[name](text, severity=severity, seed=seed, protected=[part])

    assert disturbed.count(part) >= 1


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", NAMES)
def test_a_disturbed_sentence_is_not_the_plain_one(name, severity):
    assert all(PERTURBATIONS[name](SENTENCE, severity=severity, seed=seed) != SENTENCE for seed in range(30))


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith(("typo.adj", "typo.dr", "encoding"))])
def test_a_higher_severity_changes_more(name):
    def changed(severity: int) -> int:
        out = 0
        for seed in range(20):
            disturbed = PERTURBATIONS[name](SENTENCE, severity=severity, seed=seed)
            out += sum(a != b for a, b in zip(SENTENCE, disturbed, strict=False)) + abs(len(SENTENCE) - len(disturbed))
        return out

    assert changed(1) < changed(2) < changed(3)


@given(text=TEXTS, seed=SEEDS)
def test_a_slip_of_the_finger_leaves_syllables_one_letter_away(text, seed):
    disturbed = mistype(text, adjacent_key, rate=0.5, fixed=frozen(text), chance=seeded(seed))

    assert len(disturbed) == len(text)
    for meant, written in zip(text, disturbed, strict=True):
        if meant != written:
            assert is_syllable(written)
            assert sum(a != b for a, b in zip(decompose(meant), decompose(written), strict=True)) == 1


def test_touching_keys_are_those_of_the_standard_layout():
    # Oracle: KS X 5002 as printed on keyboards; ㄹ is F, around it D, R, T, G, C, V.
    assert NEIGHBOURS["ㄹ"] == tuple(sorted("ㅇㄱㅅㅎㅊㅍ"))
    assert NEIGHBOURS["ㅗ"] == tuple(sorted("ㅛㅓㅕㅠㅜ"))
    assert all(
        letter in NEIGHBOURS[other]
        for letter, near in NEIGHBOURS.items()
        for other in near
        if letter in "".join(NEIGHBOURS[other])
    )


def test_the_wrong_keyboard_mode_gives_the_known_latin_strings():
    assert as_latin("대한민국") == "eogksalsrnr"
    assert as_latin("깨끗한 값") == "RoRmtgks rkqt"


def test_spacing_errors_touch_spaces_only():
    for name in ("spacing.remove", "spacing.merge", "spacing.split"):
        for seed in range(20):
            disturbed = perturbation(name)(SENTENCE, severity=3, seed=seed)
            assert disturbed.replace(" ", "") == SENTENCE.replace(" ", "")


@pytest.mark.parametrize("name", ["encoding.hangul_filler", "encoding.compatibility_jamo", "encoding.half_width"])
def test_our_normal_form_also_undoes_what_nfkc_does_not(name):
    disturbed = PERTURBATIONS[name](SENTENCE, severity=3, seed=3)

    assert clean(disturbed).text == SENTENCE


def test_an_unknown_severity_name_or_an_empty_protection_is_refused():
    with pytest.raises(UsageError, match="severity 4"):
        perturbation("typo.drop")("가", severity=4, seed=0)
    with pytest.raises(UnknownNameError, match=r"typo\.drop"):
        perturbation("typo.dorp")
    with pytest.raises(UsageError, match="empty"):
        perturbation("typo.drop")("가", severity=1, seed=0, protected=[""])
    with pytest.raises(UsageError, match="rate"):
        mistype("가", adjacent_key, rate=0.0, fixed=[False], chance=seeded(0))
