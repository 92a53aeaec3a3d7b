"""Every model profile: the sovereign models are there, and each says truly how it can be reached."""

import pytest

from verify.loading import load_profiles

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
    assert {option.server for option in PROFILES[name].served} == {"vllm", "sglang"}
