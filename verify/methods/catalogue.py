"""All methods by name: the built-in ones and those of installed extensions.

A built-in method is one class in `BUILT_IN`. An extension offers its own under the entry point group
`verify.methods` (name = the method's name, value = the class); one that cannot be loaded is an error,
because a check that is silently absent is a check not made.
"""

from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final, TypeAlias

from verify.errors import UsageError
from verify.methods.accuracy.abstention import Abstention
from verify.methods.accuracy.multiple_choice import MultipleChoice
from verify.methods.accuracy.short_answer import ShortAnswer
from verify.methods.base import Method
from verify.methods.bias.ambiguous_qa import AmbiguousQA, AmbiguousQAText
from verify.methods.bias.counterfactual import Counterfactual, CounterfactualClassifier
from verify.methods.bias.group_fairness import GroupFairness, GroupFairnessText
from verify.methods.lm_eval.method import LmEval
from verify.methods.privacy.benchmark_contamination import BenchmarkContamination
from verify.methods.privacy.canary_exposure import CanaryExposure
from verify.methods.privacy.canary_extraction import CanaryExtraction
from verify.methods.privacy.context_leak import ContextLeak
from verify.methods.privacy.dp_lower_bound import DpLowerBound
from verify.methods.privacy.known_data_extraction import KnownDataExtraction
from verify.methods.privacy.membership_inference import MembershipInference
from verify.methods.privacy.over_redaction import OverRedaction
from verify.methods.privacy.pii_in_output import PiiInOutput
from verify.methods.privacy.pii_inference import PiiInference
from verify.methods.robustness.option_order import OptionOrder
from verify.methods.robustness.perturbed_choice import PerturbedChoice
from verify.methods.safety.refusal import Refusal

MethodClass: TypeAlias = type[Method[Any, Any]]

BUILT_IN: Final[tuple[MethodClass, ...]] = (
    MultipleChoice,
    ShortAnswer,
    Abstention,
    LmEval,
    AmbiguousQA,
    AmbiguousQAText,
    Counterfactual,
    CounterfactualClassifier,
    GroupFairness,
    GroupFairnessText,
    PerturbedChoice,
    OptionOrder,
    CanaryExposure,
    CanaryExtraction,
    DpLowerBound,
    KnownDataExtraction,
    PiiInference,
    MembershipInference,
    BenchmarkContamination,
    ContextLeak,
    OverRedaction,
    PiiInOutput,
    Refusal,
)


@cache
def methods() -> dict[str, MethodClass]:
    """All methods by name.

    Raises:
        UsageError: Two methods share a name, or an extension cannot be loaded.
    """
    found: dict[str, MethodClass] = {}
    for method in (*BUILT_IN, *_extensions()):
        if method.name in found:
            raise UsageError(f"two methods are named {method.name!r}: {found[method.name]} and {method}")
        found[method.name] = method
    return found


def _extensions() -> list[MethodClass]:
    loaded: list[MethodClass] = []
    for entry in entry_points(group="verify.methods"):
        try:
            method = entry.load()
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"the extension method {entry.name!r} ({entry.value}) cannot be loaded: {error}"
            ) from error
        if not (isinstance(method, type) and issubclass(method, Method)) or method.name != entry.name:
            raise UsageError(f"the extension {entry.value} is no method named {entry.name!r}")
        loaded.append(method)
    return loaded
