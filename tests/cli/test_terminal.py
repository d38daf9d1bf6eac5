"""What only a real terminal and a real signal show."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

from rich.cells import cell_len

from tests.cli.conftest import CLONE

# Three tables of 17,179 rows each: it runs until it is stopped.
ENDLESS = "select count(*) from vital_sign a, vital_sign b, vital_sign c where a.value + b.value > c.value"


def on_a_terminal(columns: int, *arguments: str) -> tuple[int, str]:
    """Runs a command on a terminal of its own; exit code and what the terminal got."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ.pop("COLUMNS", None)
        os.unsetenv("COLUMNS")  # readline, which pytest imports, sets it past os.environ
        os.environ["PYTHONPATH"] = str(CLONE)
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(sys.executable, [sys.executable, "-m", "gateway", *arguments])
    received = b""
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux says so when the other side has gone
            break
        if not part:
            break
        received += part
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), received.decode()


def test_a_table_fits_the_terminal_and_progress_leaves_no_trace() -> None:
    code, shown = on_a_terminal(60, "query", "select * from patient order by patient_id limit 3")
    assert code == 0
    assert "asking the hospitals" in shown, "there is a word while one waits"
    table = shown[shown.rindex("\x1b[2K") + 4 :].split("\r\n")[:5]
    assert table[0].startswith("node") and all(cell_len(line) <= 60 for line in table)
    assert not re.search("\x1b", "".join(table)) and "…" in table[2]
    assert "columns do not fit the terminal: " in shown


def test_an_arrow_stream_is_not_written_to_a_terminal() -> None:
    code, shown = on_a_terminal(80, "query", "select 1", "--format", "arrow")
    assert code == 2 and "error[F103]" in shown


def test_an_interrupted_query_ends_soon_with_exit_130_and_no_traceback() -> None:
    environment = {**os.environ, "PYTHONPATH": str(CLONE)}
    command = [sys.executable, "-m", "gateway", "query", ENDLESS, "--deadline", "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as asking:
        time.sleep(6)
        assert asking.poll() is None, "it was to run until it is interrupted"
        asking.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = asking.communicate(timeout=60)
    assert asking.returncode == 130
    assert time.monotonic() - began < 10
    assert (out, err) == ("", "interrupted\n")
