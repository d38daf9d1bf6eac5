"""What sources that speak SQL have in common: from a Scan and the data of a dialect to one checked SELECT."""

from __future__ import annotations

from adapters.sql.conditions import ConditionWriter, classify_condition
from adapters.sql.dialect import Comparison, Form, Rule, SqlDialect, form_of
from adapters.sql.plain import in_chunks, plain
from adapters.sql.statement import ROW, SelectBuilder, Statement, qualified_table, write_statement

__all__ = [
    "ROW",
    "Comparison",
    "ConditionWriter",
    "Form",
    "Rule",
    "SelectBuilder",
    "SqlDialect",
    "Statement",
    "classify_condition",
    "form_of",
    "in_chunks",
    "plain",
    "qualified_table",
    "write_statement",
]
