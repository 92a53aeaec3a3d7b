"""The journal: nothing acknowledged is lost, nothing is counted twice, nothing of another run is read."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from verify.engine import Journal
from verify.errors import JournalError, UsageError
from verify.records import Generate, GenerateAnswer, KeptResponse, digest_of

PLAN, SUBJECT, OTHER = digest_of("plan"), digest_of("subject"), digest_of("other")


def entry(number: int, text: str = "답") -> KeptResponse:
    return KeptResponse.of(Generate(prompt=f"{number}"), GenerateAnswer(text=text, finish="stop", n_tokens=1))


def journal(file: Path, *, plan: str = PLAN, subject: str = SUBJECT) -> Journal:
    return Journal(file, plan_digest=plan, subject_digest=subject)


def test_what_was_put_is_there_after_opening_again(tmp_path: Path) -> None:
    with journal(tmp_path / "j.sqlite") as first:
        first.put([entry(i) for i in range(1200)])
    with journal(tmp_path / "j.sqlite") as second:
        found = second.get([entry(i).digest for i in range(1201)])

    assert len(found) == 1200


def test_an_answer_is_never_counted_twice(tmp_path: Path) -> None:
    with journal(tmp_path / "j.sqlite") as kept:
        kept.put([entry(1)])
        with pytest.raises(JournalError, match="twice"):
            kept.put([entry(2), entry(1, "다른 답")])

        assert len(kept) == 1
        assert kept.get([entry(1).digest])[entry(1).digest] == entry(1).response


@pytest.mark.parametrize("change", ["plan", "subject"])
def test_the_journal_of_another_plan_or_subject_is_refused(tmp_path: Path, change: str) -> None:
    """A cache that is not keyed by the model reports one model's answers as another's (seen in the field)."""
    journal(tmp_path / "j.sqlite").close()

    with pytest.raises(UsageError, match=f"another {change}.*give another --out"):
        journal(tmp_path / "j.sqlite", **{change: OTHER})


def test_a_second_process_is_refused_at_once_and_a_dead_one_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from verify.engine import Journal\n"
        f"j = Journal(Path(sys.argv[1]), plan_digest={PLAN!r}, subject_digest={SUBJECT!r})\n"
        "print('open', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "j.sqlite")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"open\n"
    started = time.monotonic()

    with pytest.raises(JournalError, match="another process"):
        journal(tmp_path / "j.sqlite")
    refused_after = time.monotonic() - started
    holder.kill()
    holder.wait()
    journal(tmp_path / "j.sqlite").close()

    assert refused_after < 1.0


def test_an_altered_answer_is_found(tmp_path: Path) -> None:
    file = tmp_path / "j.sqlite"
    with journal(file) as kept:
        kept.put([entry(1)])
    db = sqlite3.connect(file)
    db.execute("UPDATE responses SET response = replace(response, '답', '단')")
    db.commit()
    db.close()

    with journal(file) as again, pytest.raises(JournalError, match="altered or damaged"):
        again.get([entry(1).digest])


def test_a_damaged_file_is_named_and_nothing_is_invented(tmp_path: Path) -> None:
    file = tmp_path / "j.sqlite"
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)

    with pytest.raises(JournalError, match="damaged"):
        journal(file)


def test_a_full_disk_is_a_clear_error_and_what_was_kept_stays(tmp_path: Path) -> None:
    """ENOSPC by SQLite's own page limit: the write fails as on a full disk."""
    with journal(tmp_path / "j.sqlite") as kept:
        kept.put([entry(i) for i in range(10)])
        pages = kept._db.execute("PRAGMA page_count").fetchone()[0]
        kept._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(JournalError, match="free space"):
            kept.put([entry(100 + i, "가" * 2000) for i in range(50)])
        kept._db.execute("PRAGMA max_page_count = 100000")

        assert len(kept) == 10
        kept.put([entry(200)])
        assert len(kept) == 11


def test_lone_surrogates_and_nul_survive(tmp_path: Path) -> None:
    odd = entry(1, "a\0b\x1b[31m\u202e")
    with journal(tmp_path / "j.sqlite") as kept:
        kept.put([odd])

        assert kept.get([odd.digest])[odd.digest] == odd.response
