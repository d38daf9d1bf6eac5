"""What sources behind ODBC have in common: Arrow by block fetch or by rows, calls that can be abandoned, a bounded pool. No adapter itself."""
