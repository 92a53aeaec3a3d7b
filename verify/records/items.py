"""One thing to ask."""

from pydantic import Field

from verify.records.base import Record


class Item(Record):
    """What every item has; each method adds the fields that it asks with.

    Two items with one `cluster` come from one source (a passage, a template, a person) and are not
    independent; `groups` names the sub-populations that the item belongs to (ground, topic, kind).
    """

    id: str = Field(min_length=1, max_length=160)
    """Name of the item; no other of its check has it."""
    cluster: str = ""
    """Source of the item; empty means that the item is a source of its own."""
    groups: dict[str, str] = Field(default_factory=dict)
    """Facet -> group, e.g. `{"topic": "welfare"}`."""

    @property
    def cluster_key(self) -> str:
        """The cluster, or the item itself where it has none."""
        return self.cluster or self.id
