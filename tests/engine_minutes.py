"""A plugin of the test session: how long the tests of each engine took, and their start with it."""

from __future__ import annotations

from collections import defaultdict

import pytest

_FOLDER = "tests/integration/"


class EngineMinutes:
    """Adds up the reports of every process; the start of a server is in the set-up of its first test."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._tests: dict[str, int] = defaultdict(int)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid.startswith(_FOLDER):
            engine = report.nodeid.removeprefix(_FOLDER).partition("/")[0]
            self._seconds[engine][report.when == "call"] += report.duration
            self._tests[engine] += report.when == "call"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._seconds:
            return
        terminalreporter.section("engines")
        for engine, (around, inside) in sorted(self._seconds.items()):
            minutes = (around + inside) / 60
            terminalreporter.write_line(
                f"{engine:12} {self._tests[engine]:4} tests {minutes:6.2f} minutes, of them {around:.0f} s for start, load and stop"
            )
