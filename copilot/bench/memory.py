"""What a process holds in memory, as Linux tells it."""

from pathlib import Path

_PROC = Path("/proc")


def resident_mb(process: int | str = "self", proc: Path = _PROC) -> float:
    """Its resident megabytes; 0 where the system does not say."""
    return round(_mb(proc / str(process) / "status", "VmRSS"), 1)


def shared_mb(process: int | str = "self", proc: Path = _PROC) -> float:
    """Its resident megabytes, of pages that several hold its part; 0 where the system does not say."""
    return _mb(proc / str(process) / "smaps_rollup", "Pss")


def _mb(file: Path, name: str) -> float:
    if not file.exists():
        return 0.0
    lines = (line.split() for line in file.read_text("utf-8").splitlines())
    [kb] = [int(line[1]) for line in lines if line[:1] == [f"{name}:"]]
    return kb / 1024
