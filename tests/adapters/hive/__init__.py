"""The parts of the Hive adapter that need no server."""
