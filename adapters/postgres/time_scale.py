"""PostgreSQL counts days and microseconds from the year 2000, Arrow from 1970. The ends of PostgreSQL's ranges are infinity."""

EPOCH_DAYS = 10_957
EPOCH_MICROSECONDS = EPOCH_DAYS * 86_400_000_000

DAYS = range(-(2**31) + 1, 2**31 - EPOCH_DAYS)
MICROSECONDS = range(-(2**63) + 1, 2**63 - EPOCH_MICROSECONDS)
"""PostgreSQL's counts that are finite and that Arrow's scale has, too."""
