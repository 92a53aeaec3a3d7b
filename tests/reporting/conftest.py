from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.full_run import HOSTILE, make_bundle
from verify.evidence import Bundle
from verify.loading import load_frameworks, load_locale
from verify.reporting import FORMATS, LANGUAGES, render


@pytest.fixture(scope="session")
def locales() -> Mapping[str, Mapping[str, Any]]:
    return {language: load_locale(language) for language in LANGUAGES}


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("hostile"), hostile=HOSTILE)


@pytest.fixture(scope="session")
def rendered(
    hostile: Bundle, locales: Mapping[str, Mapping[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Every format of a run whose every text means harm, with the frameworks that the project ships."""
    out = tmp_path_factory.mktemp("report")
    render(hostile, out=out, frameworks=load_frameworks().values(), locales=locales, formats=FORMATS)
    return out
