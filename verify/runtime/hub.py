"""Fetching a subject from the hub, in a process of its own: `python -m verify.runtime.hub ORG/NAME REVISION`.

This is the only place where the network is used for a subject's files. What arrives is data; it is
checked like any folder afterwards.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import verify
from verify.errors import SubjectError, SubjectUnavailableError

_PATTERNS: Final = [
    "*.safetensors", "model.safetensors.index.json", "config.json", "generation_config.json", "tokenizer.json",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt",
    "chat_template.jinja",
]  # fmt: skip


class Snapshot(NamedTuple):
    """A revision of a hub repository on this disk."""

    folder: Path
    commit: str


def fetch(repository: str, *, revision: str | None) -> Snapshot:
    """Find a revision in the local hub cache, or download it.

    Args:
        repository: `ORG/NAME`.
        revision: Commit, tag or branch; None is the main branch.

    Raises:
        SubjectUnavailableError: The hub cannot be reached and the cache does not hold it.
        SubjectError: The hub knows no such repository or revision, or wants a login.
    """
    root = Path(verify.__file__).resolve().parents[1]
    path = [] if root.name == "site-packages" else [str(root)]
    known = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    environment = {**os.environ, "PYTHONUTF8": "1", **({"PYTHONPATH": os.pathsep.join(path + known)} if path else {})}
    command = [sys.executable, "-P", "-m", "verify.runtime.hub", repository, *([revision] if revision else [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, check=False)
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else {}
    except ValueError:
        answer = {}
    name = f"hf:{repository}" + (f"@{revision}" if revision else "")
    if "folder" in answer:
        folder = Path(answer["folder"])
        return Snapshot(folder, folder.name)
    kind = answer.get("error", f"exit code {done.returncode}")
    if kind in {"RepositoryNotFoundError", "RevisionNotFoundError", "GatedRepoError", "HFValidationError"}:
        raise SubjectError(
            f"{name}: the hub has it not, or not for you ({kind}); check the name, or set HF_TOKEN if it needs a login"
        )
    raise SubjectUnavailableError(f"{name}: the hub cannot be reached from here ({kind}). {offline_ways(repository)}")


def offline_ways(repository: str) -> str:
    """What to do where there is no hub."""
    return (
        "Without a network: (1) copy the model's folder here and name it: verify run ./FOLDER;"
        f" (2) keep a mirror: put it under MIRROR/{repository} and set VERIFY_MIRROR=MIRROR;"
        " (3) copy the cache of a machine that has it and set HF_HOME;"
        " (4) have it served and test that: verify run endpoint:http://HOST/v1#MODEL"
    )


def main(arguments: list[str]) -> int:
    """Fetch, and print one line of JSON: the folder, or the class of the error."""
    from huggingface_hub import snapshot_download

    repository, revision = arguments[0], arguments[1] if len(arguments) > 1 else None
    try:
        folder = snapshot_download(repository, revision=revision, allow_patterns=_PATTERNS, etag_timeout=10)
    except (OSError, ValueError, RuntimeError) as error:
        answer = {"error": type(error).__name__}
    else:
        answer = {"folder": folder}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
