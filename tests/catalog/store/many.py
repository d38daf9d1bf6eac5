"""Kills a writing process at random moments, many times over: `python -m tests.catalog.store.many 10000 [--folder DIR] [--pairs]`.

Every process tells through a pipe what it tries and what it was told is done; after each SIGKILL the log is opened and compared with that.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from catalog.store import upkeep
from catalog.store.disk import RealDisk
from catalog.store.local import LocalStorage
from catalog.store.log import open_log
from catalog.store.upkeep import Policy, tend
from tests.catalog.store import small
from tests.catalog.store.invariants import check

POLICY = Policy(checkpoint_every=8, keep_records=10)
MARGIN = 5
_KEPT = 2000
"""So many attempts are remembered: far more than the policy keeps records."""


class KillingDisk(RealDisk):
    """Ends the process with SIGKILL before its n-th call."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def __getattribute__(self, name: str):
        if name in ("make_folder", "create", "write", "sync", "sync_existing", "link", "unlink", "read", "list"):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)


@dataclass
class Book:
    """What the killed processes said."""

    acknowledged: list[tuple[int, str]] = field(default_factory=list)
    attempted: list[str] = field(default_factory=list)
    kills: int = 0

    def read(self, said: str) -> None:
        for line in said.splitlines(keepends=True):
            if line.endswith("\n"):
                word, *rest = line.split()
                if word == "try":
                    self.attempted.append(rest[0])
                else:
                    self.acknowledged.append((int(rest[0]), rest[1]))
        del self.acknowledged[:-_KEPT], self.attempted[:-_KEPT]

    def check(self, folder: Path) -> None:
        check(LocalStorage(folder), self.acknowledged, self.attempted)


def write(storage: LocalStorage, name: str, pipe: int, changes: int) -> None:
    """What the victim does."""
    writer = small.writer(storage, takeover=changes % 2 == 0)
    for number in range(changes):
        mark = f"{name}-{number}"
        os.write(pipe, f"try {mark}\n".encode())
        record = writer.append(small.documents(mark), base=writer.image.revision, why="a change")
        assert record is not None
        os.write(pipe, f"done {record.number} {mark}\n".encode())
        if number % 3 == 2:
            tend(storage, POLICY)


def killed(folder: Path, name: str, *, seconds: float | None = None, call: int | None = None, changes: int = 10_000) -> tuple[str, bool]:
    """Run a writer and kill it after a time or before a call. What it said, and whether it was killed."""
    reader, pipe = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            write(LocalStorage(folder, disk=KillingDisk(call) if call is not None else None), name, pipe, changes)
            status = 0
        finally:
            os._exit(status)
    os.close(pipe)
    said = b""
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([reader], [], [], None if until is None else max(0.0, until - time.monotonic()))
        if not ready:
            os.kill(child, signal.SIGKILL)
            until = None
            continue
        part = os.read(reader, 1 << 16)
        if not part:
            break
        said += part
        if until is not None and time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
            until = None
    os.close(reader)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the writer failed by itself"
    return said.decode(), os.WIFSIGNALED(status)


def random_kills(folder: Path, kills: int, seed: int) -> Book:
    upkeep.MARGIN = MARGIN
    chance = random.Random(seed)
    book = Book()
    while book.kills < kills:
        said, was_killed = killed(folder, f"r{book.kills}", seconds=chance.choice((0.004, 0.02, 0.06)) * chance.random())
        book.read(said)
        book.kills += was_killed
        book.check(folder)
    return book


def kills_at_each_call(folder: Path) -> int:
    """A process that makes a few changes is killed before its first call, its second, ... until it ends by itself; each in a log of its own.

    How many kills that were.
    """
    upkeep.MARGIN = MARGIN
    kills = 0
    while True:
        place = folder / str(kills)
        book = Book()
        said, was_killed = killed(place, "first", call=kills + 1, changes=6)
        book.read(said)
        book.check(place)
        if not was_killed:
            return kills
        kills += 1
        said, _ = killed(place, "second", changes=2)  # whoever comes next can go on
        book.read(said)
        book.check(place)
        assert len(book.acknowledged) >= 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int)
    parser.add_argument(
        "--folder", type=Path, help="where the log is written; its file system is what is tested (default: a new temporary folder)"
    )
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--pairs", action="store_true", help="also every pair of failing calls of a longer day, in memory")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        each = kills_at_each_call(Path(folder, "each"))
        at_random = random_kills(Path(folder, "random"), arguments.kills, arguments.seed)
        reached = open_log(LocalStorage(Path(folder, "random"))).image.number
    print(f"{each} kills, one before each call, and {at_random.kills} at random moments in {time.monotonic() - began:.0f} s")
    print(f"records written: {reached}; acknowledged and lost: 0, half visible: 0")
    if arguments.pairs:
        from catalog.store import log
        from tests.catalog.store.test_disk_faults import pairs

        upkeep.MARGIN, log._FOLDER_SIZE = 1, 2
        print(f"{pairs('cctcc')} pairs of failing calls: acknowledged and lost: 0, half visible: 0")


if __name__ == "__main__":
    sys.exit(main())
