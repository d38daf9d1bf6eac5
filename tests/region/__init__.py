"""Acceptance of the whole: the embedded region of three hospitals against its expected rows."""
