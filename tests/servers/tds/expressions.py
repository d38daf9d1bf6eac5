"""T-SQL expressions to DuckDB text with T-SQL types. What is not named here is an error, never passed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlglot import exp

from tests.servers.tds.aggregates import AGGREGATES, aggregate
from tests.servers.tds.arithmetic import arithmetic, negated
from tests.servers.tds.catalog import Catalog
from tests.servers.tds.collations import collation, to_code_page
from tests.servers.tds.comparison import among, collated, compared, equality_key_of, unified
from tests.servers.tds.conversion import converted
from tests.servers.tds.errors import NotTranslated, SqlServerError, syntax_error
from tests.servers.tds.functions import function
from tests.servers.tds.natives import utf16_length
from tests.servers.tds.scope import OutputColumn, Scope
from tests.servers.tds.sql_types import BINARY, DEFAULT_COLLATION, FLOAT, INT, NULL, SqlType, from_tree, text_type
from tests.servers.tds.values import Value, quoted

_COMPARISONS: dict[type[exp.Expression], str] = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_ARITHMETIC: dict[type[exp.Expression], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
QueryTranslation = Callable[["Translation", exp.Expression, Scope | None], tuple[str, tuple[OutputColumn, ...]]]


@dataclass(slots=True)
class Translation:
    """One statement's way: the catalog, the types of its parameters (lower case, with @), which of them it used, and the query writer."""

    catalog: Catalog
    parameters: dict[str, SqlType]
    write_query: QueryTranslation
    facts: dict[str, str] = field(default_factory=dict)
    """What the session is: user, database, spid, trancount."""
    used: set[str] = field(default_factory=set)
    aliases: int = 0

    def alias(self) -> str:
        """A new name of a relation in DuckDB."""
        self.aliases += 1
        return f"r{self.aliases}"

    # ------------------------------------------------------------------------------------------------------- values

    def value(self, node: exp.Expression, scope: Scope) -> Value:
        """Raises SqlServerError for what is wrong in T-SQL, NotTranslated for what this server does not know."""
        if scope.grouped is not None:
            plain = self._plain(node, scope)
            if plain is not None and plain.sql in scope.grouped:
                return replace(plain, sql=scope.grouped[plain.sql])
        match node:
            case exp.Paren():
                inner = self.value(node.this, scope)
                return replace(inner, sql=f"({inner.sql})")
            case exp.Literal() | exp.National() | exp.HexString() | exp.Null():
                return constant(node)
            case exp.Column():
                return self._column(node, scope)
            case exp.Parameter():
                return self._parameter(node)
            case exp.Neg():
                return negated(self.value(node.this, scope))
            case exp.Collate():
                return self._with_collation(node, scope)
            case exp.TryCast():
                cast = self._cast(node, scope)
                return replace(cast, sql=f"TRY({cast.sql})")
            case exp.Cast():
                return self._cast(node, scope)
            case exp.Convert():
                style = node.args.get("style")
                inner = self.value(node.expression, scope)
                target = _cast_type(node.this, inner)
                changed = converted(inner, target, int(style.name) if style else 0, explicit=True)
                return replace(changed, sql=f"TRY({changed.sql})") if node.args.get("safe") else changed
            case exp.Case() | exp.If():
                return self._case(node, scope)
            case exp.Coalesce():
                return self._coalesce(node, scope)
            case exp.Nullif():
                left, right = self.value(node.this, scope), self.value(node.expression, scope)
                return replace(left, sql=f"CASE WHEN {compared(left, '=', right)} THEN NULL ELSE {left.sql} END")
            case exp.Subquery():
                return self._scalar(node, scope)
        if type(node) in _ARITHMETIC:
            return arithmetic(self.value(node.this, scope), _ARITHMETIC[type(node)], self.value(node.expression, scope))
        if isinstance(node, AGGREGATES):
            if scope.grouped is None:
                raise SqlServerError(147, "An aggregate may not appear in the WHERE clause.", severity=15)
            ungrouped = replace_grouping(scope)
            return aggregate(node, lambda argument: self.value(argument, ungrouped))
        if isinstance(node, exp.Any | exp.All):
            raise NotTranslated(f"a comparison with {type(node).__name__.upper()}")
        if isinstance(node, exp.Predicate | exp.Connector | exp.Not):
            raise syntax_error(node.sql("tsql")[:20])
        return function(self, node, lambda argument: self.value(argument, scope))

    def _plain(self, node: exp.Expression, scope: Scope) -> Value | None:
        """The node outside of grouping, to see if it is what is grouped by; None for what cannot be."""
        if isinstance(node, (*AGGREGATES, exp.Literal, exp.Null)) or node.find(*AGGREGATES) is not None:
            return None
        return self.value(node, replace_grouping(scope))

    def _column(self, node: exp.Column, scope: Scope) -> Value:
        if isinstance(node.this, exp.Star):
            raise syntax_error("*")
        found = scope.column(node.name, node.table)
        if scope.grouped is not None and not _is_outer(node, scope):
            message = f"Column '{node.table}.{node.name}' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause."
            raise SqlServerError(8120, message)
        return found

    def _parameter(self, node: exp.Parameter) -> Value:
        if isinstance(node.this, exp.Parameter):
            name = node.this.name.lower()
            if name not in self.facts:
                raise NotTranslated(f"@@{name}")
            return Value(self.facts[name], INT if name in ("spid", "trancount", "rowcount") else text_type("nvarchar", 300))
        name = f"@{node.name.lower()}"
        if name not in self.parameters:
            raise SqlServerError(137, f'Must declare the scalar variable "@{node.name}".', severity=15)
        self.used.add(name)
        kind = self.parameters[name]
        return Value(f"CAST(${name[1:]} AS {kind.stored})", kind)

    def _with_collation(self, node: exp.Collate, scope: Scope) -> Value:
        inner = self.value(node.this, scope)
        if not inner.type.is_text:
            raise SqlServerError(447, f"Expression type {inner.type.name} is invalid for COLLATE clause.")
        name = collation(node.expression.name).name
        changed = converted(inner, replace(inner.type, collation=name))
        return replace(changed, label=2)

    def _cast(self, node: exp.Cast, scope: Scope) -> Value:
        if node.args.get("format") or node.args.get("default"):
            raise NotTranslated("a cast with a format")
        inner = self.value(node.this, scope)
        return converted(inner, _cast_type(node.to, inner), explicit=True)

    def _case(self, node: exp.Case | exp.If, scope: Scope) -> Value:
        branches = [node] if isinstance(node, exp.If) else node.args["ifs"]
        otherwise = node.args.get("false") if isinstance(node, exp.If) else node.args.get("default")
        subject = self.value(node.this, scope) if isinstance(node, exp.Case) and node.this is not None else None
        conditions = [
            self.predicate(branch.this, scope) if subject is None else compared(subject, "=", self.value(branch.this, scope))
            for branch in branches
        ]
        results = unified(
            [
                *(self.value(branch.args["true"], scope) for branch in branches),
                self.value(otherwise, scope) if otherwise else Value("NULL", NULL),
            ]
        )
        text = " ".join(f"WHEN {condition} THEN {result.sql}" for condition, result in zip(conditions, results))
        return replace(results[0], sql=f"CASE {text} ELSE {results[-1].sql} END", type=_widest(results))

    def _coalesce(self, node: exp.Coalesce, scope: Scope) -> Value:
        values = [self.value(argument, scope) for argument in (node.this, *node.expressions)]
        values = [values[0], *(converted(value, values[0].type) for value in values[1:])] if node.args.get("is_null") else unified(values)
        return replace(values[0], sql=f"coalesce({', '.join(value.sql for value in values)})", type=_widest(values))

    def _scalar(self, node: exp.Subquery, scope: Scope) -> Value:
        text, columns = self.write_query(self, node.this, replace_grouping(scope))
        if len(columns) != 1:
            message = "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS."
            raise SqlServerError(116, message)
        return Value(f"({text})", columns[0].type, 1 if columns[0].type.is_text else 0)

    # --------------------------------------------------------------------------------------------------- conditions

    def predicate(self, node: exp.Expression, scope: Scope) -> str:
        """A condition. A value in its place is error 4145, as a comparison in the place of a value is 102."""
        match node:
            case exp.Paren():
                return f"({self.predicate(node.this, scope)})"
            case exp.And():
                return f"({self.predicate(node.this, scope)} AND {self.predicate(node.expression, scope)})"
            case exp.Or():
                return f"({self.predicate(node.this, scope)} OR {self.predicate(node.expression, scope)})"
            case exp.Not():
                return f"(NOT {self.predicate(node.this, scope)})"
            case exp.Is() if isinstance(node.expression, exp.Null):
                return f"(({self.value(node.this, scope).sql}) IS NULL)"
            case exp.Between():
                value, low, high = (self.value(node.args[part], scope) for part in ("this", "low", "high"))
                return f"({compared(value, '>=', low)} AND {compared(value, '<=', high)})"
            case exp.In():
                return self._in(node, scope)
            case exp.Like():
                return self._like(node, "", scope)
            case exp.Escape() if isinstance(node.this, exp.Like):
                return self._like(node.this, node.expression.name, scope)
            case exp.Exists():
                return f"EXISTS ({self.write_query(self, node.this, replace_grouping(scope))[0]})"
            case exp.NullSafeEQ() | exp.NullSafeNEQ():
                left, right = unified([self.value(node.this, scope), self.value(node.expression, scope)])
                word = "IS NOT DISTINCT FROM" if isinstance(node, exp.NullSafeEQ) else "IS DISTINCT FROM"
                return f"({equality_key_of(left)} {word} {equality_key_of(right)})"
        if type(node) in _COMPARISONS:
            return compared(self.value(node.this, scope), _COMPARISONS[type(node)], self.value(node.expression, scope))
        if isinstance(node, exp.Predicate):
            raise NotTranslated(f"the condition {type(node).__name__}")
        raise SqlServerError(4145, "An expression of non-boolean type specified in a context where a condition is expected.", severity=15)

    def _in(self, node: exp.In, scope: Scope) -> str:
        value = self.value(node.this, scope)
        query = node.args.get("query")
        if query is None:
            if not node.expressions:
                raise syntax_error(")")
            return among(value, [self.value(listed, scope) for listed in node.expressions])
        inner = query.this if isinstance(query, exp.Subquery) else query
        text, columns = self.write_query(self, inner, replace_grouping(scope))
        if len(columns) != 1:
            message = "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS."
            raise SqlServerError(116, message)
        alias = self.alias()
        left, right = unified([value, Value(f"{alias}.c", columns[0].type, 1 if columns[0].type.is_text else 0)])
        return f"({equality_key_of(left)} IN (SELECT {equality_key_of(right)} FROM ({text}) {alias}(c)))"

    def _like(self, node: exp.Like, escape: str, scope: Scope) -> str:
        if len(escape) > 1:
            raise SqlServerError(506, f'The invalid escape character "{escape}" was specified in a LIKE predicate.')
        sides = [self.value(node.this, scope), self.value(node.expression, scope)]
        sides = [side if side.type.is_text else converted(side, text_type("varchar", 8000)) for side in sides]
        name, _ = collated(sides)
        unicode = any(side.type.name in ("nvarchar", "nchar") for side in sides)
        text, pattern = (side.sql for side in sides)
        condition = f"ss_like({text}, {pattern}, {quoted(escape)}, {quoted(name)}, {'true' if unicode else 'false'})"
        return f"(NOT {condition})" if node.args.get("negate") else condition


def replace_grouping(scope: Scope) -> Scope:
    """The same names without grouping: what stands inside an aggregate or a subquery."""
    return scope if scope.grouped is None else replace(scope, grouped=None)


def _is_outer(node: exp.Column, scope: Scope) -> bool:
    try:
        replace(scope, parent=None, grouped=None).column(node.name, node.table)
    except SqlServerError:
        return True
    return False


def _cast_type(written: exp.DataType, inner: Value) -> SqlType:
    """A cast from text to text keeps the collation; any other text has the database's."""
    target = from_tree(written, unsized=30)
    return replace(target, collation=inner.type.collation) if target.is_text and inner.type.is_text else target


def _widest(values: list[Value]) -> SqlType:
    kind = values[0].type
    if not kind.is_text and kind.name not in BINARY:
        return kind
    lengths = [value.type.length for value in values if value.type.name != "null"]
    return replace(kind, length=-1 if -1 in lengths else max(lengths))


def constant(node: exp.Expression) -> Value:
    """A constant as T-SQL types it: '' is varchar, N'' nvarchar, 1 int, 10000000000 and 1.5 decimal, 1e0 float, 0x00 varbinary."""
    match node:
        case exp.Null():
            return Value("NULL", NULL)
        case exp.National():
            return Value(quoted(node.name), text_type("nvarchar", utf16_length(node.name)))
        case exp.HexString():
            raw = bytes.fromhex(node.name if len(node.name) % 2 == 0 else "0" + node.name)
            text = "".join(f"\\x{byte:02X}" for byte in raw)
            return Value(f"'{text}'::BLOB", SqlType(name="varbinary", length=max(len(raw), 1)))
        case exp.Literal() if node.is_string:
            text = to_code_page(node.name, DEFAULT_COLLATION)
            return Value(quoted(text), text_type("varchar", len(text)))
    text = node.name
    if "e" in text.lower():
        return Value(f"CAST({text} AS DOUBLE)", FLOAT)
    digits = text.replace(".", "").lstrip("0")
    if "." not in text and int(text) < 2**31:
        return Value(f"CAST({text} AS INTEGER)", INT, digits=max(len(digits), 1))
    scale = len(text.partition(".")[2])
    precision = max(len(digits), scale, 1)
    if precision > 38:
        raise SqlServerError(1007, f"The number '{text}' is out of the range for numeric representation (maximum precision 38).")
    kind = SqlType(name="decimal", precision=precision, scale=scale)
    return Value(f"CAST({quoted(text)} AS {kind.stored})", kind)
