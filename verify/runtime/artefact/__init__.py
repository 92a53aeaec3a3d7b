"""The subject's files, examined without loading anything of them (threats S1-S6 and S8).

`check_folder` and `check_skops` take what a worker may load, refuse what could run code or exhaust
the machine, and give every file that is used a digest.
"""

from verify.runtime.artefact.folders import check_folder, check_skops

__all__ = ["check_folder", "check_skops"]
