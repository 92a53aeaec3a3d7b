"""Every model profile: the sovereign models are there, and each says truly how it can be reached."""

import re

import pytest

from verify.cli.listing import ways_to_reach
from verify.loading import load_profiles
from verify.runtime.addresses import parse_address

PROFILES = load_profiles()
SOVEREIGN = {
    "LGAI-EXAONE/K-EXAONE-236B-A23B", "LGAI-EXAONE/K-EXAONE-2.0-750B-A37B", "upstage/Solar-Open-100B",
    "upstage/Solar-Open2-250B", "skt/A.X-K1", "skt/A.X-K2", "naver-hyperclovax/HyperCLOVAX-SEED-Think-14B",
    "naver-hyperclovax/HyperCLOVAX-SEED-Think-32B", "LGAI-EXAONE/EXAONE-4.0-1.2B", "LGAI-EXAONE/EXAONE-4.0-32B",
    "NC-AI-consortium-VAETKI/VAETKI", "Motif-Technologies/Motif-3",
}  # fmt: skip


def test_the_sovereign_models_have_profiles() -> None:
    assert {p.source for p in PROFILES.values()} >= SOVEREIGN


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_an_architecture_that_is_named_exists_in_transformers(name: str) -> None:
    from transformers import CONFIG_MAPPING

    architecture = PROFILES[name].architecture

    assert architecture is None or architecture in CONFIG_MAPPING


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_weights_are_offered_only_where_they_can_be_opened_without_remote_code(name: str) -> None:
    profile = PROFILES[name]

    if profile.reach == "weights":
        assert profile.architecture is not None
        assert not profile.remote_code
        assert profile.kind == "causal-lm"
    if profile.architecture is None:
        assert profile.reach == "endpoint-only"


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_profile_says_what_exact_scoring_on_a_server_needs(name: str) -> None:
    profile = PROFILES[name]

    assert {option.server for option in profile.served} == {"vllm", "sglang"}
    for option in profile.served:
        words = option.start.split()
        assert profile.source in words
        assert words[words.index("--port") + 1] == str(option.port)
        assert ("--trust-remote-code" in words) == profile.remote_code
        assert option.why["ko"]
        assert option.why["en"]


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_profile_is_pinned_to_a_commit_or_to_nothing(name: str) -> None:
    revision = PROFILES[name].revision

    assert revision is None or re.fullmatch(r"[0-9a-f]{40}", revision)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_way_that_is_shown_names_a_subject_that_parses(name: str, language: str) -> None:
    profile = PROFILES[name]
    lines = [line.strip() for line in ways_to_reach(profile, language=language)]
    runs = [line.removeprefix("verify run ") for line in lines if line.startswith("verify run ")]

    for run in runs:
        if not run.startswith("recorded:"):
            parse_address(run, profiles=PROFILES)
    assert [run for run in runs if run.startswith("endpoint:")] == [
        f"endpoint:http://127.0.0.1:{option.port}/v1#{profile.source}" for option in profile.served
    ]
    assert (name in runs) == (profile.reach == "weights")
    assert all(option.start in lines for option in profile.served)
    assert any(line.startswith("verify export") for line in lines)
