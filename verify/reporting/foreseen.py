"""What a plan says of a check before the run, in words: why it will not be asked, and what its items cannot show."""

from typing import Final

from verify.planning.power import ASKED_POWER
from verify.records import PlannedCheck, Reason
from verify.reporting.text import limit, number, one_line
from verify.reporting.words import Words

_CODED: Final = frozenset({Reason.INPUT_MISSING, Reason.INPUT_EMPTY, Reason.ACCESS_LEVEL, Reason.SUBJECT_KIND})
_NAMED: Final = _CODED - {Reason.INPUT_EMPTY}
"""Reasons that need the names of what is lacking; plans made before these were kept have only the record's words."""


def absence(check: PlannedCheck, *, words: Words) -> str:
    """Why a check is not asked, and which option would change that; empty where it is asked."""
    if check.not_measured is None:
        return ""
    code = Reason(check.not_measured_code or Reason.ACCESS_LEVEL)
    why = words(f"reason.{code.value}")
    if not check.lacking:
        return why
    if code is Reason.INPUT_MISSING:
        options = ", ".join(_option(name, words) for name in check.lacking)
        return " ".join((why, words("absent.inputs", options=options)))
    kinds = ", ".join(words(f"request.{kind}") for kind in check.lacking)
    return " ".join((why, words("absent.requests", kinds=kinds)))


def recorded(check: PlannedCheck) -> str:
    """The plan's own words for why a check is not asked, where its codes do not tell all; else empty."""
    code = check.not_measured_code
    told = code in _CODED and (check.lacking or code not in _NAMED)
    return "" if told or check.not_measured is None else one_line(check.not_measured, limit=300)


def cautions(check: PlannedCheck, *, min_clusters: int, words: Words) -> tuple[str, ...]:
    """What the items of a check cannot show, one sentence each; empty where the plan keeps words alone."""
    values: dict[str, object] = {
        "limit": limit(check.bound),
        "clusters": f"{check.n_clusters:,}",
        "least": f"{min_clusters:,}",
        "faultless": "" if check.n_to_pass is None else f"{check.n_to_pass:,}",
        "asked": f"{ASKED_POWER:g}",
    }
    enough = False
    if check.power is not None:
        values |= {"assumed": number(check.power.assumed), "power": f"{check.power.power:.2f}"}
        enough = check.power.needed is not None
        values["needed"] = f"{check.power.needed:,}" if enough else ""
    more = "enough" if enough else "never"
    kinds = {
        "low_power": "short_list" if not enough and check.estimand == "finite_list" else more,
        "low_power_at_worst": more,
        "faultless_needs_more": "mean" if check.power is not None and check.power.worst_case else "share",
    }
    return tuple(words(".".join(filter(None, ("caution", code, kinds.get(code)))), **values) for code in check.cautions)


def _option(name: str, words: Words) -> str:
    file = words("absent.file")
    return f"--canaries {file}" if name == "canaries" else f"--input {one_line(name)}={file}"
