"""DuckDB instances that can only compute: no files, no network, no extensions, no settings, times in UTC.

Facts of duckdb 2.0.0: options must be set after connecting, in this order (a dict at connect is applied in no fixed order);
cursors do not inherit what is set for a session, hence SET GLOBAL; after the lock nothing can be set, on any cursor.
Encrypted temporary files need httpfs (an extension) or force_mbedtls_unsafe: without it every spill fails. Its random numbers
are weaker, which is far better than no spill or plain files, in a folder that only the gateway can enter anyway.
"""

from __future__ import annotations

from pathlib import Path

import duckdb


def connect_locked(
    *, memory: int, threads: int, temp_folder: Path, temp_bytes: int, streaming_bytes: int = 10 << 20
) -> duckdb.DuckDBPyConnection:
    """A new in-memory instance, locked. `temp_folder` must be private: SQL can list what is inside.

    `streaming_bytes` of a streamed result wait in DuckDB; it holds for this connection, not for its cursors.
    """
    connection = duckdb.connect()
    folder = str(temp_folder).replace("'", "''")
    for setting in (
        f"memory_limit = '{memory}B'",
        f"threads = {threads}",
        f"temp_directory = '{folder}'",
        f"max_temp_directory_size = '{temp_bytes}B'",
        f"streaming_buffer_size = '{streaming_bytes}B'",
        "temp_file_encryption = true",
        "force_mbedtls_unsafe = true",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_community_extensions = false",
        "allow_unsigned_extensions = false",
        "allow_persistent_secrets = false",
        "allow_unredacted_secrets = false",
        "enable_progress_bar = false",
        "GLOBAL python_enable_replacements = false",
        "GLOBAL python_scan_all_frames = false",
        "GLOBAL TimeZone = 'UTC'",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
