"""`verify compare`: is a release no worse than the one before?"""

from pathlib import Path
from typing import Annotated

import typer

from verify import loading
from verify.cli.console import open_console, shown
from verify.cli.options import Language, LanguageOption
from verify.engine.compare import EXAMPLES, compare
from verify.errors import NotComparableError, UnknownNameError, UsageError
from verify.evidence import check_integrity, layout, load_public_key, read_bundle
from verify.methods.catalogue import methods
from verify.records import Change, Comparison, Policy
from verify.reporting.comparisons import comparison_junit, comparison_table, refusal
from verify.reporting.words import Words

FORMATS = {"json": "comparison.json", "junit": "comparison.junit.xml"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compare")(compare_bundles)


def compare_bundles(
    before: Annotated[Path, typer.Argument(metavar="BUNDLE_A", help="쓰고 있는 판의 결과 폴더 · release in service")],
    after: Annotated[Path, typer.Argument(metavar="BUNDLE_B", help="바꿀 판의 결과 폴더 · release to replace it")],
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="허용폭을 정한 정책; 기본은 BUNDLE_B의 정책 · default: the policy of BUNDLE_B"),
    ] = None,
    formats: Annotated[str, typer.Option("--format", help=", ".join(FORMATS))] = "json,junit",
    out: Annotated[Path | None, typer.Option("--out", help="파일을 쓸 폴더 · folder for the files")] = None,
    examples: Annotated[
        int, typer.Option("--examples", min=0, help="점검·방향마다 보일 문항 수 · items shown of each check")
    ] = EXAMPLES,
    public_key: Annotated[
        list[Path] | None, typer.Option("--public-key", help="믿는 공개 열쇠(PEM); 여러 번 · trusted keys")
    ] = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Compare two releases on the same items, pair by pair; offline.

    Exit codes: 0 no check is worse by its margin, 1 at least one is worse, 2 usage error or bundles that cannot be
    compared, 3 none is worse but something is inconclusive or not comparable.
    """
    wanted = _formats(formats)
    _refuse_within(out, (before, after))
    keys = [load_public_key(path) for path in public_key or []]
    for folder in (before, after):
        check_integrity(folder, keys=keys)
    old, new = read_bundle(before), read_bundle(after)
    words = Words(lang.value, loading.load_locale(lang.value))
    try:
        found = compare(old, new, policy=_policy(policy or new.plan.policy), methods=methods(), examples=examples)
    except NotComparableError as error:
        open_console(stderr=True).print(refusal(error.differences, words=words))
        raise typer.Exit(error.exit_code) from error
    console = open_console()
    console.print(comparison_table(found, words=words))
    for file in _write(found, wanted, out=out):
        console.print(shown(str(file)), highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code(found.outcome))


def exit_code(outcome: Change) -> int:
    """0 no worse everywhere, 1 worse somewhere, 3 undecided."""
    return {Change.NO_WORSE: 0, Change.WORSE: 1}.get(outcome, 3)


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise UnknownNameError("format", name, known=FORMATS)
    return names


def _refuse_within(out: Path | None, bundles: tuple[Path, Path]) -> None:
    for bundle in bundles:
        if out is not None and out.resolve().is_relative_to(bundle.resolve()):
            raise UsageError(f"--out {out} lies in the bundle {bundle}, which would then no longer be what was sealed")


def _policy(name: str) -> Policy:
    try:
        return loading.load_policy(name)
    except UnknownNameError as error:
        raise UsageError(f"{error}; give the policy that declares the margins: --policy FILE.yaml") from error


def _write(comparison: Comparison, formats: tuple[str, ...], *, out: Path | None) -> list[Path]:
    if out is None:
        return []
    contents = {"json": lambda: layout.to_text(comparison).encode(), "junit": lambda: comparison_junit(comparison)}
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for name in formats:
        files.append(out / FORMATS[name])
        files[-1].write_bytes(contents[name]())
    return files
