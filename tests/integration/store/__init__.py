"""The catalog's store on a real HDFS."""
