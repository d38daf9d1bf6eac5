"""The HBase adapter against HBase 2.6.1 and its Thrift server."""
