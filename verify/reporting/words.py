"""The fixed words of reports: `reports/locales/<language>.yaml`."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from verify.errors import ContentError
from verify.reporting.text import one_line

Language: TypeAlias = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")


class Words:
    """Looks up fixed words by dotted key.

    Args:
        language: Whose words these are.
        table: Nested mapping of key -> text.
    """

    def __init__(self, language: Language, table: Mapping[str, Any]) -> None:
        self.language: Language = language
        self._table = flatten(table)

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of `key`, its `{names}` filled with `values`.

        Raises:
            ContentError: The locale has no such key, or the text needs a value that was not given.
        """
        place = f"reports/locales/{self.language}.yaml"
        if key not in self._table:
            raise ContentError(place, "no such text; add it in both languages", field=key)
        try:
            return self._table[key].format(**values)
        except (KeyError, IndexError, ValueError) as error:
            raise ContentError(place, f"the text cannot be filled in ({error})", field=key) from error

    def has(self, key: str) -> bool:
        """Whether the locale has a text of its own for a key that a record names."""
        return key in self._table

    def coded(self, family: str, value: str) -> str:
        """What a code of ours is called; a name of somebody else's stays as it is."""
        return self(f"{family}.{value}") if self.has(f"{family}.{value}") else one_line(value)

    def named(self, code: str, facet: str = "") -> str:
        """What a facet, group or type of personal data is called; what has no name keeps its code.

        Args:
            code: As scores and estimates have it.
            facet: Of a group, where two facets have groups of one name.
        """
        return self._table.get(f"named.{facet}={code}", self._table.get(f"named.{code}", code))

    def keys_below(self, prefix: str) -> tuple[str, ...]:
        """Keys that start with `prefix.`, in the order of the file."""
        return tuple(key for key in self._table if key.startswith(prefix + "."))


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted key -> text.

    Raises:
        ContentError: A value is neither a mapping nor text.
    """
    flat: dict[str, str] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{name}."))
        elif isinstance(value, str):
            flat[name] = value
        else:
            raise ContentError("reports/locales", f"expected text, found {type(value).__name__}", field=name)
    return flat
