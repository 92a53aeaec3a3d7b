"""Every command explains itself: `--help` prints all of its options, whatever brackets their texts hold."""

import typer.main

from tests.e2e.commands import here
from verify.cli import app


def _commands(group: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    inner = getattr(group, "commands", {})
    return [(path, group)] + [found for name, one in inner.items() for found in _commands(one, (*path, name))]


def test_every_command_prints_its_help() -> None:
    commands = _commands(typer.main.get_command(app))
    assert len(commands) > 10
    for path, command in commands:
        said = here(*path, "--help")
        assert said.code == 0, path
        for option in getattr(command, "params", []):
            assert all(name in said.out for name in option.opts if name.startswith("--")), (path, option.opts)


def test_what_stands_in_brackets_is_printed() -> None:
    assert "NAME[/CONFIG]/SPLIT.jsonl" in "".join(here("run", "--help").out.replace("│", " ").split())
