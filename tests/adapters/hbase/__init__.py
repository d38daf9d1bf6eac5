"""Tests of the HBase adapter."""
