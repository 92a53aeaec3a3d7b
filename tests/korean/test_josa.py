import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import UnknownNameError, UsageError
from verify.korean.jamo import has_final
from verify.korean.josa import PARTICLES, attach, ending, fill, josa, slots


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("담당자", "은/는", "담당자는"),
        ("공무원", "은/는", "공무원은"),
        ("서울", "으로/로", "서울로"),
        ("부산", "으로/로", "부산으로"),
        ("제주", "로/으로", "제주로"),
        ("길동", "아/야", "길동아"),
        ("영희", "이에요/예요", "영희예요"),
        ("7", "으로/로", "7로"),
        ("3", "이/가", "3이"),
        ("2", "이/가", "2가"),
        ("10", "은/는", "10은"),
        ("30,000", "을/를", "30,000을"),
        ("2000000000000", "을/를", "2000000000000를"),
        ("3.5", "이/가", "3.5가"),
        ("KTX", "을/를", "KTX를"),
        ("SQL", "으로/로", "SQL로"),
        ("LH", "은/는", "LH는"),
        ("Google", "은/는", "Google은"),
        ("internet", "을/를", "internet을"),
        ("50%", "이/가", "50%가"),
        ("60kg", "을/를", "60kg을"),
        ("서울(수도)", "은/는", "서울(수도)은"),
        ("'홍길동'", "과/와", "'홍길동'과"),
        ("제15조", "이라/라", "제15조라"),
    ],
)
def test_particles_agree_as_a_reader_says_them(word, pair, expected):
    assert attach(word, pair) == expected


@given(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), st.sampled_from(sorted(PARTICLES)))
def test_after_any_syllable_the_form_depends_on_its_final_only(syllable, pair):
    closed, opened = PARTICLES[pair]

    chosen = josa("가" + syllable, pair)

    assert chosen in (closed, opened)
    if not has_final(syllable):
        assert chosen == opened
    elif not closed.startswith("으로"):
        assert chosen == closed


def test_both_spellings_of_a_pair_mean_the_same():
    assert josa("집", "은/는") == josa("집", "는/은") == "은"


@pytest.mark.parametrize("silent", ["", "  ", "...", "()", "漢"])
def test_what_has_no_reading_gets_no_particle(silent):
    with pytest.raises(UsageError, match="no particle can follow"):
        ending(silent)


def test_a_pair_that_is_not_known_is_named():
    with pytest.raises(UnknownNameError, match="은/를"):
        josa("집", "은/를")


def test_templates_agree_with_what_was_filled_in():
    template = "{이름}{은/는} {곳}{으로/로} 갔다. 그 사람{이/가} {{담당}}이다."

    assert fill(template, 이름="김서준", 곳="서울") == "김서준은 서울로 갔다. 그 사람이 {담당}이다."
    assert fill(template, 이름="이나래", 곳="강릉") == "이나래는 강릉으로 갔다. 그 사람이 {담당}이다."
    assert slots(template) == {"이름", "곳"}


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("{a}{은/는}", {}, "no value for a"),
        ("{a}", {"a": "가", "b": "나"}, "no slot uses b"),
        ("{a} {", {"a": "가"}, "unmatched"),
        ("{a}}", {"a": "가"}, "unmatched"),
        ("{a!r}", {"a": "가"}, "neither a name"),
        ("{은/를}", {}, "neither a name"),
        ("{}", {}, "neither a name"),
        ("{이/가} 갔다", {}, "no particle can follow"),
    ],
)
def test_a_wrong_template_is_refused_and_the_fault_named(template, values, message):
    with pytest.raises(UsageError, match=message):
        fill(template, **values)


@given(st.text("가나다{}은는/이 ab", max_size=12))
def test_filling_raises_nothing_but_usage_errors(template):
    try:
        filled = fill(template)
    except UsageError:
        return
    assert "{이/가}" not in filled
