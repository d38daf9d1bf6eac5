"""CREATE TABLE: its columns and its primary key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from tests.servers.tds import catalog as kept
from tests.servers.tds.errors import NotTranslated, syntax_error
from tests.servers.tds.scope import OutputColumn
from tests.servers.tds.sql_types import from_tree


def declared_columns(definitions: Sequence[exp.Expression]) -> tuple[list[OutputColumn], list[str]]:
    """The columns of CREATE TABLE, and its primary key."""
    columns: list[OutputColumn] = []
    key: list[str] = []
    for definition in definitions:
        match definition:
            case exp.ColumnDef():
                if definition.kind is None:
                    raise NotTranslated("a computed column")
                kind = from_tree(definition.kind, unsized=1)
                nullable = True
                for constraint in definition.args.get("constraints") or ():
                    match constraint.kind:
                        case exp.PrimaryKeyColumnConstraint():
                            key.append(definition.name)
                        case exp.NotNullColumnConstraint():
                            nullable = bool(constraint.kind.args.get("allow_null"))
                        case exp.CollateColumnConstraint():
                            kind = replace(kind, collation=kept.checked_collation(constraint.kind.this.name))
                        case _:
                            raise NotTranslated(f"the column constraint {type(constraint.kind).__name__}")
                columns.append(OutputColumn(definition.name, definition.name, kind, nullable))
            case exp.PrimaryKey():
                key += [_key_name(column) for column in definition.expressions]
            case exp.Constraint() if len(definition.expressions) == 1 and isinstance(definition.expressions[0], exp.PrimaryKey):
                key += [_key_name(column) for column in definition.expressions[0].expressions]
            case _:
                raise NotTranslated(f"{type(definition).__name__} in CREATE TABLE")
    if not columns:
        raise syntax_error(")")
    return columns, key


def _key_name(node: exp.Expression) -> str:
    return node.this.name if isinstance(node, exp.Ordered) else node.name
