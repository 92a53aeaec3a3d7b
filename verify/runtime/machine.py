"""The machine that a run takes place on, as a test report describes its equipment; nothing of it names the host."""

import os
import re
from pathlib import Path
from typing import Final

_MODEL: Final = re.compile(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", re.MULTILINE)
_DRIVER: Final = re.compile(r"Kernel Module(?: for \S+)?\s+(\d[\d.]+)")


def machine(*, proc: Path = Path("/proc")) -> dict[str, str]:
    """Processor, cores, memory and driver of an accelerator, as far as the operating system tells.

    Args:
        proc: Where the kernel says so.

    Returns:
        Name -> value; a name of which nothing is known is left out.
    """
    found = {
        "machine": _first(_MODEL, proc / "cpuinfo"),
        "cores": str(os.cpu_count() or ""),
        "memory": _memory(),
        "driver": _first(_DRIVER, proc / "driver" / "nvidia" / "version"),
    }
    return {name: value for name, value in found.items() if value}


def _first(pattern: re.Pattern[str], file: Path) -> str:
    try:
        match = pattern.search(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return " ".join(match.group(1).split()) if match else ""


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
