"""Real engines for tests: HBase, HDFS, Hive, Trino and PostgreSQL as they are shipped, and a TDS server for SQL Server's protocol."""
