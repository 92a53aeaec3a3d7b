"""`verify report | audit | vault`: work on what a run left, without its subject."""

import json
from pathlib import Path
from typing import Annotated

import typer

from verify import pipeline
from verify.cli.console import open_console, shown
from verify.cli.options import Language, LanguageOption
from verify.cli.rendering import FORMATS, parse_formats, print_summary, render_report
from verify.evidence import Opened, file_digest, load_opening_key, load_public_key, open_vault

BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="검증 실행이 남긴 폴더 · folder of a run")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("report")(report)
    app.command("audit")(audit)
    app.command("vault")(vault)


def report(
    bundle: BundleArgument,
    formats: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}")] = "html",
    lang: Annotated[str, typer.Option("--lang", help="ko,en; 앞의 것이 주 언어 · the first one leads")] = "ko,en",
) -> None:
    """Render the report of a bundle again."""
    files = render_report(bundle, formats=parse_formats(formats), languages=lang.split(","))
    print_summary(bundle, language=lang.split(",")[0])
    for file in files:
        open_console().print(shown(str(file)), highlight=False, soft_wrap=True)


def audit(
    bundle: BundleArgument,
    public_key: Annotated[
        list[Path] | None, typer.Option("--public-key", help="믿는 공개 열쇠(PEM); 여러 번 · trusted keys")
    ] = None,
    lang: LanguageOption = Language.KO,
) -> None:
    """Check digests and signature, and derive every verdict again from the kept responses; offline.

    Exit codes: 0 all agrees, 1 the bundle states something else than its responses give, 2 not a whole bundle.
    """
    found = pipeline.audit(bundle, keys=[load_public_key(path) for path in public_key or []])
    ko, console = lang is Language.KO, open_console()
    integrity = found.integrity
    files = f"{integrity.files:,}"
    console.print(
        f"파일 {files}개의 다이제스트가 모두 맞음" if ko else f"{files} files: digests agree", highlight=False
    )
    if integrity.signature_checked:
        console.print("서명 확인" if ko else "signature verified")
    elif integrity.signed:
        console.print("서명 있음, 열쇠를 주지 않아 확인하지 않음" if ko else "signed; not verified: no key given")
    else:
        console.print("서명 없음" if ko else "not signed")
    if not integrity.signature_checked:
        console.print(
            "다이제스트와 재계산은 앞뒤가 맞는지만 보인다. "
            "답이나 한도를 고쳐 통째로 다시 만든 폴더는 서명으로만 가려낸다."
            if ko
            else "Digests and derivation show that the folder agrees with itself. One that was made again as a whole "
            "with other answers or limits is told apart only by a signature (--sign-key, --public-key).",
            highlight=False,
            soft_wrap=True,
        )
    for difference in found.differences[:20]:
        console.print(shown(str(difference)), style="red", highlight=False, soft_wrap=True)
    if found.differences:
        console.print(
            f"{'다시 계산한 값과 다른 곳' if ko else 'places that differ from what was derived again'}: "
            f"{len(found.differences)}"
        )
        raise typer.Exit(1)
    console.print("모든 점수·추정·판정을 다시 계산해 일치" if ko else "every score, estimate and verdict derived again")


def vault(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="검증 실행의 --vault 파일 · vault of a run")],
    key: Annotated[
        Path | None, typer.Option("--key", help="X25519 개인 열쇠(PEM); 없으면 목록만 · private key; without it a list")
    ] = None,
    request: Annotated[
        str | None, typer.Option("--request", help="이 요청의 답만 · only answers to this request")
    ] = None,
) -> None:
    """Open the vault of a run: one JSON line a redacted answer, with its request's digest, as in responses.jsonl.

    Exit codes: 0 all records opened, 2 wrong key, or a record that was altered, moved or cut off.
    """
    opening = load_opening_key(key) if key else None
    for record in open_vault(file, key=opening):
        if request in (None, record.request):
            line = record.to_json() if isinstance(record, Opened) else {"request": record.request}
            text = json.dumps(line, ensure_ascii=False)
            typer.echo("".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text))
    open_console(stderr=True).print(shown(f"{file}: {file_digest(file)}"), highlight=False, soft_wrap=True)
