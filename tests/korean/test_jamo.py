import unicodedata

import pytest

from verify.errors import UsageError
from verify.korean.jamo import Syllable, compose, decompose, has_final, initials, is_syllable

EVERY_SYLLABLE = [chr(code) for code in range(0xAC00, 0xD7A4)]


def test_every_syllable_survives_being_taken_apart_and_put_together():
    parts = [decompose(syllable) for syllable in EVERY_SYLLABLE]

    assert [compose(p.initial, p.vowel, final=p.final) for p in parts] == EVERY_SYLLABLE
    assert len(set(parts)) == 11_172


def test_letters_agree_with_the_unicode_decomposition():
    # Oracle: the canonical decomposition of the Unicode database, mapped through the letters' names.
    def name(letter: str) -> str:
        return unicodedata.name(letter).rsplit(" ", 1)[1].replace("-", "")

    for syllable in EVERY_SYLLABLE[::37]:
        conjoining = unicodedata.normalize("NFD", syllable)
        ours = [name(letter) for letter in decompose(syllable) if letter]

        assert [name(c) for c in conjoining] == ours


def test_a_final_is_seen_where_unicode_has_one():
    assert [has_final(s) for s in EVERY_SYLLABLE] == [len(unicodedata.normalize("NFD", s)) == 3 for s in EVERY_SYLLABLE]


def test_initials_leave_other_characters_alone():
    assert initials("개인정보 3건, ABC") == "ㄱㅇㅈㅂ 3ㄱ, ABC"


@pytest.mark.parametrize("bad", ["", "ab", "a", "ㄱ", "\u1100", "각각", "豈"])
def test_what_is_no_syllable_is_refused(bad):
    assert not is_syllable(bad)
    with pytest.raises(UsageError, match="not one Hangul syllable"):
        decompose(bad)


@pytest.mark.parametrize(
    "letters", [Syllable("ㄱ", "ㅏ", "ㄸ"), Syllable("ㄳ", "ㅏ", ""), Syllable("ㄱ", "ㄱ", ""), Syllable("", "ㅏ", "")]
)
def test_letters_in_a_wrong_place_are_refused(letters):
    with pytest.raises(UsageError, match="do not make"):
        compose(letters.initial, letters.vowel, final=letters.final)
