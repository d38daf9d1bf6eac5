"""bind: names that DuckDB would not tell apart as PostgreSQL does, and names that sqlglot would lose."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from gateway.errors import BindError
from gateway.planner.parse import position_of


def check_column_aliases(table: exp.Table, sql: str) -> None:
    """`FROM x AS y (a, b)` over a table or a query of WITH: sqlglot does not rename by it."""
    alias = table.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        fact = f"new names for the columns of {table.name[:80]} cannot be given here"
        raise BindError("B106", fact, position=position_of(table, sql), hint="name them in the WITH, or write (SELECT ... AS a) AS y")


def check_names(tree: exp.Expr, sql: str) -> None:
    """Looks at a tree whose stars are written out. Raises BindError B103 or B106."""
    aliases = [alias.this for alias in tree.find_all(exp.TableAlias) if isinstance(alias.this, exp.Identifier)]
    _check_case(aliases, "tables", sql)
    for query in tree.find_all(exp.Select):
        if query.find_ancestor(exp.Subquery, exp.CTE) is not None or query.args.get("order") is not None:
            _check_case([item.args["alias"] for item in query.expressions if isinstance(item, exp.Alias)], "columns", sql)
    if any(projection.is_star for query in tree.find_all(exp.Select) for projection in query.expressions):
        _check_stars(tree, sql)


def _check_case(names: Iterable[exp.Expr], kind: str, sql: str) -> None:
    seen: dict[str, str] = {}
    for identifier in names:
        name = identifier.name
        other = seen.setdefault(name.lower(), name)
        if other != name:
            fact = f"the names of the {kind} {other[:80]} and {name[:80]} differ only in upper and lower case"
            raise BindError("B106", fact, position=position_of(identifier, sql), hint="give one of them another name")


def _check_stars(tree: exp.Expr, sql: str) -> None:
    for scope in traverse_scope(tree):
        if not isinstance(scope.expression, exp.Select) or not any(item.is_star for item in scope.expression.expressions):
            continue
        for name, (_, source) in scope.selected_sources.items():
            names = list(source.expression.named_selects) if isinstance(source, Scope) and isinstance(source.expression, exp.Query) else []
            twice = next((one for one in names if names.count(one) > 1), None)
            if twice is not None:
                fact = f"the column {twice[:80]} is in {name[:80]} more than once, so * cannot be written out"
                raise BindError("B103", fact, position=position_of(scope.expression, sql), hint="give each its own name")
