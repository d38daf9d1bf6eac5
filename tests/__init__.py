"""Tests; a package, so that folders named like the packages they test do not hide them."""
