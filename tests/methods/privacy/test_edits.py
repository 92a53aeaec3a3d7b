from hypothesis import given
from hypothesis import strategies as st

from verify.methods.privacy.edits import within_edits

TEXTS = st.text("가나다01", max_size=9)


def _distance(one: str, other: str) -> int:
    """Oracle: the definition, by recursion over the whole table."""
    table = [[row + column for column in range(len(other) + 1)] for row in range(len(one) + 1)]
    for row in range(1, len(one) + 1):
        for column in range(1, len(other) + 1):
            table[row][column] = min(
                table[row - 1][column] + 1,
                table[row][column - 1] + 1,
                table[row - 1][column - 1] + (one[row - 1] != other[column - 1]),
            )
    return table[-1][-1]


@given(TEXTS, TEXTS, st.integers(0, 9))
def test_it_agrees_with_the_whole_table(one, other, most):
    assert within_edits(one, other, most=most) == (_distance(one, other) <= most)


def test_a_tenth_of_a_long_text_takes_no_time():
    text = "접수번호처리기한열흘" * 200

    assert within_edits(text, text.replace("열흘", "보름", 90), most=200)
    assert not within_edits(text, text[::-1], most=200)
