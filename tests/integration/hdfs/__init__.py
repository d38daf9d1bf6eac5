"""HDFS, where a catalog can be kept."""
