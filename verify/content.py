"""Where content lies: in the repository, or in the installed package as `verify/_content`."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def content_root() -> Path:
    """The folder that holds `suites/`, `models/` and `reports/`."""
    installed = _PACKAGE / "_content"
    return installed if installed.is_dir() else _PACKAGE.parent


def suites_folder() -> Path:
    """One folder a suite, and `policies/`."""
    return content_root() / "suites"


def policies_folder() -> Path:
    """One YAML file a policy."""
    return suites_folder() / "policies"


def profiles_folder() -> Path:
    """One YAML file a known model."""
    return content_root() / "models" / "profiles"


def reference_folder() -> Path:
    """One folder a reference standard."""
    return content_root() / "models" / "reference"


def frameworks_folder() -> Path:
    """One YAML file a law or standard."""
    return content_root() / "reports" / "frameworks"


def templates_folder() -> Path:
    """Report templates."""
    return content_root() / "reports" / "templates"


def locales_folder() -> Path:
    """Fixed words of reports, one YAML file a language."""
    return content_root() / "reports" / "locales"
