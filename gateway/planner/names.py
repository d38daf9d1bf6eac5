"""bind, part one: every table and column name to what it means, views expanded, stars written out."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from catalog.errors import near_names
from gateway.errors import BindError
from gateway.planner.name_rules import check_column_aliases, check_names
from gateway.planner.parse import parse, position_of
from gateway.planner.view_guard import guarded_view
from gateway.planner.visibility import VisibleCatalog

DATABASE = "hospital_gateway"
MAX_VIEW_DEPTH = 16


def resolve(tree: exp.Expr, sql: str, visible: VisibleCatalog) -> exp.Expr:
    """The tree with qualified, typed columns over `schema.table` tables. Raises BindError or DeniedError with positions."""
    tree = normalize_identifiers(tree, dialect="postgres")
    _name_projections(tree)
    tree = _resolve_tables(tree, sql, visible, depth=0)
    return _qualify(tree, sql, visible)


def _resolve_tables(tree: exp.Expr, sql: str, visible: VisibleCatalog, *, depth: int) -> exp.Expr:
    for table in _real_tables(tree, sql):
        schema = visible.snapshot.schema
        position = position_of(table, sql)
        if table.catalog not in ("", DATABASE) or table.db not in ("", schema):
            raise BindError(
                "B101",
                f"there is no schema {(table.db or table.catalog)[:80]}",
                position=position,
                hint=f"the tables are in the schema {schema}",
            )
        found = visible.table(table.name, position)
        table.set("catalog", None)
        table.set("db", exp.to_identifier(visible.view_schema if depth else schema))
        if found.view is not None:
            replacement = _expand_view(found.name, found.view, table.alias_or_name, visible, depth)
            if table is tree:
                return replacement
            table.replace(replacement)
    return tree


def _real_tables(tree: exp.Expr, sql: str) -> list[exp.Table]:
    found: dict[int, exp.Table] = {}
    cte_names: set[int] = set()
    try:
        for scope in traverse_scope(tree):
            for node, source in scope.selected_sources.values():
                if isinstance(source, exp.Table):
                    found[id(source)] = source
                else:
                    cte_names.add(id(node))
    except OptimizeError as error:
        raise BindError("B106", "two tables in one FROM have the same name or alias", hint="give each its own alias") from error
    for table in tree.find_all(exp.Table):
        check_column_aliases(table, sql)
        if id(table) not in found and id(table) not in cte_names and table.this.__class__ is exp.Identifier:
            raise BindError(
                "B106",
                f"the table {table.name[:80]} stands where it cannot be read, or its name is used twice in one FROM",
                position=position_of(table, sql),
            )
    return list(found.values())


def _expand_view(name: str, text: str, alias: str, visible: VisibleCatalog, depth: int) -> exp.Expr:
    if depth >= MAX_VIEW_DEPTH:
        raise BindError("B106", f"the view {name} is built on itself")
    view = normalize_identifiers(parse(text), dialect="postgres")
    for node in view.walk():
        node.meta.clear()
    owner = _owner_view(visible)
    view = _resolve_tables(view, text, owner, depth=depth + 1)
    for table in view.find_all(exp.Table):
        table.meta.setdefault("view", name)
    shown = visible.tables.get(name, visible.snapshot.tables[name].columns)
    query = guarded_view(view, name, list(shown), visible)
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias)))


def _owner_view(visible: VisibleCatalog) -> VisibleCatalog:
    tables = {name: table.columns for name, table in visible.snapshot.tables.items()}
    return VisibleCatalog(snapshot=visible.snapshot, policy=visible.policy, tables=tables, sees_all=True)


def _qualify(tree: exp.Expr, sql: str, visible: VisibleCatalog) -> exp.Expr:
    try:
        tree = qualify(
            tree,
            schema=visible.mapping_schema,
            dialect="postgres",
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
    except OptimizeError as error:
        _check_columns(tree, sql, visible)
        raise BindError(
            "B106", "the statement's names do not fit together", hint="check aliases and the number of columns in WITH and UNION"
        ) from error
    _check_columns(tree, sql, visible)
    check_names(tree, sql)
    tree = annotate_types(tree, schema=visible.mapping_schema, dialect="postgres")
    for table in tree.find_all(exp.Table):
        if table.db == visible.view_schema:
            table.set("db", exp.to_identifier(visible.snapshot.schema))
    return tree


def _check_columns(tree: exp.Expr, sql: str, visible: VisibleCatalog) -> None:
    for row in tree.find_all(exp.TableColumn):
        fact = f"{row.name[:80]} is a table, and a whole row cannot be used as a value"
        raise BindError("B102", fact, position=position_of(row, sql), hint="name its columns")
    for scope in traverse_scope(tree):
        for column in scope.columns:
            if isinstance(column.this, exp.Star):
                continue
            if column.table:
                _check_qualified(column, scope, sql, visible)
            else:
                _fail_unqualified(column, scope, sql, visible)


def _check_qualified(column: exp.Column, scope: Scope, sql: str, visible: VisibleCatalog) -> None:
    current: Scope | None = scope
    while current is not None:
        if column.table in current.sources:
            names = _source_columns(current.sources[column.table], visible)
            if names is not None and column.name not in names:
                fact = f"{column.table[:80]} has no column {column.name[:80]}"
                raise BindError("B102", fact, position=position_of(column, sql), hint=near_names(column.name, names))
            return
        current = current.parent
    reach = sorted({name for s in _chain(scope) for name in s.sources})
    raise BindError(
        "B102",
        f"no table or alias {column.table[:80]} is in reach here",
        position=position_of(column, sql),
        hint=near_names(column.table, reach),
    )


def _fail_unqualified(column: exp.Column, scope: Scope, sql: str, visible: VisibleCatalog) -> None:
    if _is_alias_reference(column, scope):
        return
    everything: set[str] = set()
    for source in scope.sources.values():
        names = _source_columns(source, visible)
        if names is None:
            return
        everything |= names
    owners = [name for name, (_, source) in scope.selected_sources.items() if column.name in (_source_columns(source, visible) or ())]
    position = position_of(column, sql)
    if len(owners) > 1:
        raise BindError(
            "B103",
            f"the column {column.name[:80]} is in {' and '.join(owners)}",
            position=position,
            hint=f"write {owners[0]}.{column.name}",
        )
    raise BindError("B102", f"there is no column {column.name[:80]} here", position=position, hint=near_names(column.name, everything))


def _is_alias_reference(column: exp.Column, scope: Scope) -> bool:
    """ORDER BY (and in set operations the whole ORDER BY) may name an output column."""
    if column.find_ancestor(exp.Ordered) is None:
        return False
    query = scope.expression
    return isinstance(query, exp.Query) and column.name in query.named_selects


def _chain(scope: Scope) -> list[Scope]:
    found: list[Scope] = []
    current: Scope | None = scope
    while current is not None:
        found.append(current)
        current = current.parent
    return found


def _source_columns(source: exp.Expr | Scope, visible: VisibleCatalog) -> set[str] | None:
    """The columns of a FROM item; None if they are not known by name (a table function)."""
    if isinstance(source, exp.Table):
        return set(visible.columns(source))
    if isinstance(source, Scope):
        query = source.expression
        if isinstance(query, exp.Query):
            return set(source.outer_columns or query.named_selects)
    return None


def _name_projections(tree: exp.Expr) -> None:
    """Output columns without a name get the one that PostgreSQL gives them."""
    select = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    if not isinstance(select, exp.Select):
        return
    for projection in list(select.expressions):
        if (not projection.output_name or isinstance(projection, exp.Literal)) and not projection.is_star:
            projection.replace(exp.alias_(projection.copy(), _postgres_name(projection)))


def _postgres_name(node: exp.Expr) -> str:
    match node:
        case exp.Paren() | exp.Filter() | exp.Window() | exp.WithinGroup():
            return _postgres_name(node.this)
        case exp.Case():
            return "case"
        case exp.Subquery():
            return str(node.this.selects[0].output_name or _postgres_name(node.this.selects[0])) if node.this.selects else "?column?"
        case exp.Cast():
            inner = _postgres_name(node.this)
            return inner if inner != "?column?" else node.to.this.name.lower()
        case exp.Column():
            return str(node.name)
        case exp.TimestampTrunc():
            return "date_trunc"
        case exp.GroupConcat():
            return "string_agg"
        case exp.Exists():
            return "exists"
        case exp.Anonymous():
            return str(node.name).lower()
        case exp.Binary() | exp.Unary():
            return "?column?"
        case exp.Func():
            return str(node.sql_name().lower())
        case _:
            return "?column?"
