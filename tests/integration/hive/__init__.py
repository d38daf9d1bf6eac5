"""The Hive adapter against a real HiveServer2."""
