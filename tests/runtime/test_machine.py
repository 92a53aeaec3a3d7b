"""The description of the machine, on made-up accounts of a kernel."""

from pathlib import Path

from verify.runtime.machine import machine


def test_processor_and_driver_are_read_as_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A  Processor 9 @ 2.1GHz\nmodel name\t: B\n")
    (tmp_path / "driver" / "nvidia").mkdir(parents=True)
    (tmp_path / "driver" / "nvidia" / "version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\nGCC version: 12\n"
    )

    found = machine(proc=tmp_path)

    assert found["machine"] == "A Processor 9 @ 2.1GHz"
    assert found["driver"] == "580.65.06"
    assert int(found["cores"]) >= 1
    assert found["memory"].endswith(" GiB")


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    assert set(machine(proc=tmp_path)) <= {"cores", "memory"}
