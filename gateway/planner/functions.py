"""Which constructs and functions of SQL a statement may use: an allow-list as data. What is not here is refused.

Left out on purpose: everything that reads files, settings or the engine's own tables; that runs SQL text; that makes very
large values from small ones without a bound (repeat, lpad, range, generate_series); that turns a whole row into one value
(to_json of a table, whole-row references), which would pass by masks that come later.
"""

from __future__ import annotations

from sqlglot import exp

STATEMENTS: tuple[type[exp.Expr], ...] = (exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.Values)

STRUCTURE = frozenset(
    "Select Union Intersect Except Subquery Values Tuple From Join Where Group Having Order Ordered Limit Offset Fetch LimitOptions With CTE "
    "Table TableAlias Alias Aliases Column Identifier Star Literal Null Boolean Paren DataType DataTypeParam Var Distinct Cube Rollup GroupingSets "
    "Window WindowSpec WithinGroup Filter Lateral Exists Any All RawString UnicodeString National".split()
)

OPERATORS = frozenset(
    "And Or Not EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ Is In Between Like ILike Escape RegexpLike RegexpILike SimilarTo Add Sub Mul Div Mod Neg "
    "DPipe Cast TryCast Case If AtTimeZone Interval Array Bracket".split()
)

FUNCTIONS = frozenset(
    # conditional
    "Coalesce Nullif Greatest Least "
    # text
    "Upper Lower Length Substring Trim Left Right Replace StrPosition SplitPart Concat ConcatWs Reverse MD5 Ascii Chr Translate StartsWith RegexpReplace "
    # numbers
    "Abs Round Ceil Floor Trunc Sqrt Cbrt Pow Exp Ln Log Sign Degrees Radians Sin Cos Tan Asin Acos Atan Atan2 Pi "
    # dates and times
    "TimestampTrunc DateTrunc Extract CurrentDate CurrentTimestamp TimeToStr StrToDate UnixToTime "
    # aggregates
    "Count CountIf Sum Avg Min Max Stddev StddevPop StddevSamp Variance VariancePop Corr CovarPop CovarSamp LogicalAnd LogicalOr GroupConcat ArrayAgg "
    "PercentileCont PercentileDisc Median Mode Grouping RegrSlope RegrIntercept RegrR2 RegrCount "
    # windows
    "RowNumber Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue NthValue".split()
)

ANONYMOUS = frozenset({"isfinite", "make_date", "every"})
"""Functions that sqlglot leaves as plain calls. `every` becomes bool_and when it is parsed."""

ALLOWED = STRUCTURE | OPERATORS | FUNCTIONS | {"Anonymous", "Unnest"}

CAST_TYPES = frozenset(
    "TEXT VARCHAR CHAR NVARCHAR INT BIGINT SMALLINT TINYINT DOUBLE FLOAT DECIMAL BOOLEAN DATE TIMESTAMP TIMESTAMPTZ TIME INTERVAL UUID ARRAY".split()
)

ARGUMENTS: dict[str, frozenset[str]] = {
    "Select": frozenset("expressions from_ joins where group having order limit offset distinct with_ windows laterals".split()),
    "Table": frozenset("this db catalog alias".split()),
    "Join": frozenset("this side kind on using".split()),
    "Subquery": frozenset("this alias with_".split()),
    "Limit": frozenset("expression limit_options".split()),
    "LimitOptions": frozenset("rows".split()),
    "Column": frozenset("this table db catalog".split()),
    "Like": frozenset("this expression negate".split()),
    "ILike": frozenset("this expression negate".split()),
}
"""For nodes whose other arguments carry meaning of their own (locks, hints, pivots, INTO, TABLESAMPLE): the arguments allowed."""

REFUSED_ARGUMENTS: dict[str, tuple[str, str]] = {
    "method": ("NATURAL JOIN", "write JOIN ... USING (columns)"),
    "joins": ("a join in brackets", "write the joins one after the other, without brackets"),
    "locks": ("FOR UPDATE", "the gateway only reads"),
    "into": ("SELECT INTO", "the gateway only reads"),
    "sample": ("TABLESAMPLE", "use a condition, or LIMIT"),
    "pivots": ("PIVOT", "use CASE inside an aggregate"),
    "with_ties": ("FETCH ... WITH TIES", "use rank() in a subquery"),
    "percent": ("FETCH ... PERCENT", "use percent_rank() in a subquery"),
    "qualify": ("QUALIFY", "put the window function in a subquery"),
}
"""What people meant by an argument that is not allowed, and what to do instead."""
