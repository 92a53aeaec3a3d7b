import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest

from verify import cli, loading, reporting
from verify.content import templates_folder
from verify.errors import ContentError
from verify.records import AccessLevel, Estimand, Outcome, Reason, RequestKind, Subject
from verify.records.responses import FailureReason
from verify.reporting import Standing, Words
from verify.reporting.words import flatten

Locales = Mapping[str, Mapping[str, Any]]


def test_both_languages_have_the_same_keys_in_the_same_order(locales: Locales) -> None:
    assert list(flatten(locales["ko"])) == list(flatten(locales["en"]))


def test_both_languages_take_the_same_values(locales: Locales) -> None:
    ko, en = flatten(locales["ko"]), flatten(locales["en"])

    differing = [key for key in ko if key.split(".")[0] != "reason" and names(ko[key]) != names(en[key])]
    assert differing == []


def names(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def values(of: object) -> list[str]:
    if isinstance(of, type) and issubclass(of, StrEnum):
        return [each.value for each in of]
    return list(get_args(of))


@pytest.mark.parametrize(
    ("prefix", "of"),
    [
        pytest.param("verdict", Outcome, id="outcomes"),
        pytest.param("outcome", Outcome, id="overall outcomes"),
        pytest.param("unscored", FailureReason, id="reasons for no score"),
        pytest.param("access", AccessLevel, id="access levels"),
        pytest.param("standing", Standing, id="standings of clauses"),
        pytest.param("estimand", Estimand, id="estimands"),
        pytest.param("kind", Subject.model_fields["kind"].annotation, id="kinds of subject"),
        pytest.param("request", RequestKind, id="kinds of request"),
        pytest.param("covers", Subject.model_fields["digest_covers"].annotation, id="digest covers"),
    ],
)
def test_every_value_has_a_word(locales: Locales, prefix: str, of: object) -> None:
    keys = set(flatten(locales["ko"]))

    assert [value for value in values(of) if f"{prefix}.{value}" not in keys] == []


def test_every_reason_has_a_sentence(locales: Locales) -> None:
    keys = set(flatten(locales["ko"]))
    needed = [{f"reason.{r.value}"} for r in Reason]
    split = [{f"reason.{r.value}.at_least", f"reason.{r.value}.at_most"} for r in Reason]

    missing = [one for one, two in zip(needed, split, strict=True) if not (one <= keys or two <= keys)]
    assert missing == []


def test_every_key_that_a_template_names_exists(locales: Locales) -> None:
    keys = set(flatten(locales["ko"]))
    used = {
        key
        for path in templates_folder().glob("*.j2")
        for key in re.findall(r'(?<!\w)t\("([a-z_.]+)"(?! ~)', path.read_text("utf-8"))
    }

    assert used - keys == set()
    assert len(used) > 60


def test_a_missing_key_or_value_is_an_error(locales: Locales) -> None:
    words = Words("en", locales["en"])

    with pytest.raises(ContentError, match=r"reports/locales/en\.yaml: no\.such: no such text"):
        words("no.such")
    with pytest.raises(ContentError, match="cannot be filled in"):
        words("outcome.fail")


def test_a_text_that_is_no_text_is_an_error() -> None:
    with pytest.raises(ContentError, match=r"a\.b: expected text, found int"):
        flatten({"a": {"b": 3}})


def test_no_text_is_left_over(locales: Locales) -> None:
    """A family is looked up by a value (`verdict.` + outcome); every other key is named somewhere."""
    families = {"kind", "covers", "access", "verdict", "outcome", "reason", "unscored", "standing", "coverage"}
    families |= {"estimand", "section", "glossary", "conditions", "table", "request", "named", "caution", "isolation"}
    families |= {"metric", "interval", "source", "environment", "path", "architecture", "compare"}
    code = [path for part in (reporting, cli) for path in Path(part.__file__).parent.glob("*.py")]
    sources = [*templates_folder().glob("*.j2"), *code]
    text = "".join(path.read_text("utf-8") for path in sources)

    unused = [key for key in flatten(locales["ko"]) if key.split(".")[0] not in families and f'"{key}"' not in text]
    assert unused == []


@pytest.mark.parametrize("language", reporting.LANGUAGES)
@pytest.mark.parametrize("name", loading.suite_names())
def test_every_facet_and_group_of_a_suite_has_a_name(locales: Locales, language: Any, name: str) -> None:
    """The oracle is the content: a group without a name stands in the report as a code, or in the other language."""
    words = Words(language, locales[language])
    folder = loading.load_suite(name)
    files = sorted({file for c in folder.suite.checks for pattern in c.items for file in folder.folder.glob(pattern)})
    rows = [row.value for file in files for row in loading.load_rows(file)]
    groups = {(facet, group) for row in rows for facet, group in row.get("groups", {}).items()}
    groups |= {("label", row["label"]) for row in rows if "label" in row}
    groups |= {("kind", row["kind"]) for row in rows if "kind" in row}

    unnamed = [f"{f}={g}" for f, g in sorted(groups) if not words.has(f"named.{f}={g}") and not words.has(f"named.{g}")]
    unnamed += [
        facet
        for facet in {facet for facet, _ in groups}
        if not words.has(f"named.{folder.suite.concern}={facet}") and not words.has(f"named.{facet}")
    ]
    assert unnamed == []


@pytest.mark.parametrize("language", reporting.LANGUAGES)
def test_every_planted_defect_has_a_name(locales: Locales, language: Any) -> None:
    words = Words(language, locales[language])
    defects = {one.defect for one in loading.load_recipes().standards}

    assert [d for d in defects if not words.has(f"named.defect={d}") and not words.has(f"named.{d}")] == []
