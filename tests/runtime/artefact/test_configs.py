"""What is dropped from a configuration never changes the network that it describes.

Oracle: transformers reads its own files of all families, as they were written and as the worker gets them.
"""

import json

import pytest
from transformers import AutoConfig

from tests.runtime.causal import tiny
from verify.runtime.artefact.configs import clean_json

PRIVATE = {"_name_or_path", "_sliding_window_pattern"}
"""Notes of transformers' own that no network is made from: `layer_types` says it."""


def test_a_cleaned_configuration_describes_the_same_network(tmp_path):
    (tmp_path / "clean").mkdir()
    for name in tiny.FAMILIES:
        tiny.config(name).save_pretrained(tmp_path)
        (tmp_path / "clean" / "config.json").write_bytes(clean_json(tmp_path / "config.json").data)

        whole, clean = (AutoConfig.from_pretrained(folder).to_dict() for folder in (tmp_path, tmp_path / "clean"))

        assert {k: repr(v) for k, v in clean.items() if k not in PRIVATE} == {
            k: repr(v) for k, v in whole.items() if k not in PRIVATE
        }, name


@pytest.mark.parametrize("text", ["Infinity", "-Infinity", "NaN"])
def test_a_number_that_json_has_no_sign_for_stays(tmp_path, text):
    given = {"time_step_limit": [0.0, {"__float__": text}]}
    (tmp_path / "config.json").write_text(json.dumps(given))

    assert clean_json(tmp_path / "config.json").value == given


@pytest.mark.parametrize("entry", [{"__float__": "org/code--a.B"}, {"__float__": "NaN", "__x__": 1}, {"__float__": []}])
def test_what_only_looks_like_one_is_dropped(tmp_path, entry):
    (tmp_path / "config.json").write_text(json.dumps({"limit": [entry]}))

    assert clean_json(tmp_path / "config.json").value == {"limit": [{}]}
