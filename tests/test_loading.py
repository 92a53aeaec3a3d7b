"""Content files: strict YAML, and faults that name file, line and field."""

from pathlib import Path

import pytest

from tests.toys import default_check, write_suite
from verify.errors import ContentError, UnknownNameError
from verify.loading import load_record, load_rows, load_suite, load_yaml
from verify.records import Policy

POLICY = "id: p\ntitle: {ko: 가, en: a}\nsummary: {ko: 가, en: a}\nsuites: [accuracy]\n"


def write(folder: Path, text: str | bytes, name: str = "file.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_phone_prefix_and_norway_stay_text(tmp_path: Path) -> None:
    loaded = load_yaml(write(tmp_path, "prefix: 010\ncountry: no\nday: 2026-03-05\nshare: 0.5\nmany: 12\nnone: null\n"))

    assert loaded.value == {
        "prefix": "010", "country": "no", "day": "2026-03-05", "share": 0.5, "many": 12, "none": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        pytest.param("a: 1\na: 2\n", 2, "twice", id="duplicate key"),
        pytest.param("a: 1\nb: !!python/object:os.system x\n", 2, "tag", id="python tag"),
        pytest.param("a: 1\nb: &x [1]\nc: *x\n", 2, "anchors", id="anchor"),
        pytest.param("a: 1\nb: [1, 2\nc: 3\n", 3, "YAML", id="unclosed bracket"),
    ],
)
def test_yaml_fault_names_its_line(tmp_path: Path, text: str, line: int, part: str) -> None:
    with pytest.raises(ContentError) as caught:
        load_yaml(write(tmp_path, text))

    assert caught.value.line == line
    assert part in str(caught.value)


def test_a_misspelt_threshold_is_an_error_with_its_line_and_not_ignored(tmp_path: Path) -> None:
    with pytest.raises(ContentError) as caught:
        load_record(write(tmp_path, POLICY + "alhpa: 0.01\n"), Policy)

    assert (caught.value.line, caught.value.field) == (5, "alhpa")
    assert "there is no such field" in str(caught.value)


def test_a_value_out_of_range_names_field_and_line(tmp_path: Path) -> None:
    with pytest.raises(ContentError) as caught:
        load_record(write(tmp_path, POLICY + "alpha: 1.5\n"), Policy)

    assert (caught.value.line, caught.value.field) == (5, "alpha")


def test_nested_fault_names_the_line_inside_its_check(tmp_path: Path) -> None:
    folder = write_suite(tmp_path, check=default_check(bound="{at_least: high}"))

    with pytest.raises(ContentError) as caught:
        load_suite(str(folder))

    assert caught.value.line == 12
    assert caught.value.field == "checks.0.bound.at_least"


@pytest.mark.parametrize(
    ("line", "part"),
    [
        pytest.param('{"id": "a", "id": "b"}', "twice", id="duplicate key"),
        pytest.param('{"id": NaN}', "NaN", id="NaN"),
        pytest.param("[1]", "object", id="no object"),
        pytest.param('{"id": ', "JSON", id="cut line"),
    ],
)
def test_jsonl_fault_names_its_line(tmp_path: Path, line: str, part: str) -> None:
    path = write(tmp_path, '{"id": "x"}\n\n' + line + "\n", "items.jsonl")

    with pytest.raises(ContentError) as caught:
        load_rows(path)

    assert caught.value.line == 3
    assert part in str(caught.value)


def test_bytes_that_are_no_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"id": "x"}\n' + "가".encode("cp949") + b"\n", "items.jsonl")

    with pytest.raises(ContentError, match="UTF-8") as caught:
        load_rows(path)

    assert caught.value.line == 2


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load_rows(write(tmp_path, b"\xef\xbb\xbf" + b'{"id": "x"}\n', "i.jsonl"))[0].value == {"id": "x"}


def test_an_unknown_suite_lists_those_that_exist_and_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'accuracy'.*there are: .*accuracy"):
        load_suite("acuracy")


def test_a_folder_without_suite_yaml_says_what_a_suite_is(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"suite\.yaml, items"):
        load_suite(str(tmp_path))
