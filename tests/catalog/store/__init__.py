"""Tests of the catalog's store."""
