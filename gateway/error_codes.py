"""The public error codes: one table from code to name, SQLSTATE, HTTP status, exit code and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    """`exit` is the exit code of the command line (design: 0 ok … 70 a bug of ours); `advice` is what `error CODE` prints."""

    code: str
    name: str
    sqlstate: str
    http: int
    exit: int
    advice: str


def _code(code: str, name: str, sqlstate: str, http: int, exit: int, advice: str) -> tuple[str, ErrorCode]:
    return code, ErrorCode(code=code, name=name, sqlstate=sqlstate, http=http, exit=exit, advice=advice)


ERROR_CODES: dict[str, ErrorCode] = dict(
    [
        _code(
            "P101",
            "SYNTAX_ERROR",
            "42601",
            400,
            1,
            "The text is not SQL as PostgreSQL writes it. Look at the place shown; the word before it is often the cause.",
        ),
        _code(
            "P102",
            "STATEMENT_TOO_LARGE",
            "54001",
            400,
            1,
            "The statement passes a limit on size, tokens or nesting that protects the gateway. Send long lists of keys in several statements.",
        ),
        _code(
            "P103",
            "STATEMENT_NOT_ALLOWED",
            "0A000",
            400,
            1,
            "The gateway reads only: one SELECT (with WITH, UNION, INTERSECT, EXCEPT, VALUES) per call. Writes, DDL, COPY, SET and several statements at once are refused.",
        ),
        _code(
            "P104",
            "CONSTRUCT_NOT_ALLOWED",
            "0A000",
            400,
            1,
            "This construct of SQL is not on the gateway's list of allowed constructs. The documentation of the dialect lists them.",
        ),
        _code(
            "P105",
            "FUNCTION_NOT_ALLOWED",
            "42883",
            400,
            1,
            "This function is not on the gateway's list. Functions that read files, run SQL text or look at the engine are never allowed.",
        ),
        _code(
            "B101",
            "UNKNOWN_TABLE",
            "42P01",
            400,
            1,
            "No virtual table of this name exists. `hospital-gateway catalog schema` and the hint list what there is.",
        ),
        _code(
            "B102",
            "UNKNOWN_COLUMN",
            "42703",
            400,
            1,
            "No column of this name is in reach at this place. Check the alias before the dot and the spelling.",
        ),
        _code(
            "B103", "AMBIGUOUS_COLUMN", "42702", 400, 1, "More than one table in FROM has this column. Write the table or alias before it."
        ),
        _code(
            "B104",
            "TYPE_MISMATCH",
            "42883",
            400,
            1,
            "The two sides cannot be compared or combined. Cast one side, or write the constant in the type of the column.",
        ),
        _code("B105", "INVALID_CONSTANT", "22007", 400, 1, "The constant cannot be read as the type of what it is compared with."),
        _code(
            "B106",
            "INVALID_STATEMENT",
            "42601",
            400,
            1,
            "The statement breaks a rule of SQL that is not about one name, such as a column that is neither grouped nor aggregated.",
        ),
        _code(
            "G101",
            "TABLE_DENIED",
            "42501",
            403,
            5,
            "The role does not grant this table, or it does not exist. An administrator grants tables in policies/*.yaml.",
        ),
        _code(
            "G102",
            "ROLE_UNKNOWN",
            "28000",
            403,
            5,
            "No policy file defines this role. `hospital-gateway catalog check` lists the policies it read.",
        ),
        _code(
            "G103",
            "ROLE_REQUIRED",
            "28000",
            403,
            5,
            "No role was given and the settings name no default_role. Give --role, or set default_role.",
        ),
        _code("G104", "AGGREGATION_DENIED", "42501", 403, 5, "The role may not aggregate (allow_aggregations: false in its policy)."),
        _code(
            "G105",
            "TOO_MANY_ROWS",
            "53400",
            403,
            5,
            "The answer has more rows than the role may fetch at once (max_rows). Add a filter or a LIMIT.",
        ),
        _code(
            "L101",
            "PARTIAL_NOT_SOUND",
            "0A000",
            409,
            1,
            "A hospital is missing and this query cannot be answered in part without being wrong (it counts, ranks, or asks what is not there). Try again later, leave the hospital out with a condition on node, or accept a wrong answer with --on-unavailable unsound.",
        ),
        _code("L102", "PUSHDOWN_SWITCH_UNKNOWN", "22023", 400, 2, "The pushdown switch takes on, off, or names of rules."),
        _code(
            "S101",
            "SOURCE_UNREACHABLE",
            "08001",
            502,
            1,
            "The hospital's database refused the connection or could not be found. `hospital-gateway sources ping` tries each source.",
        ),
        _code("S102", "SOURCE_LOST", "08006", 502, 1, "The connection to the hospital's database broke while it was read."),
        _code(
            "S103",
            "SOURCE_TIMEOUT",
            "57014",
            504,
            1,
            "The hospital's database did not answer within the deadline. Narrow the query, or raise [limits] deadline.",
        ),
        _code("S104", "READ_CANCELLED", "57014", 499, 130, "The read was cancelled by the caller or because the query had ended."),
        _code(
            "S105",
            "SOURCE_FAILED",
            "58000",
            502,
            1,
            "The hospital's database answered with an error. The log of the gateway has its text under the id shown.",
        ),
        _code("S106", "SOURCE_AUTH", "28000", 502, 1, "The hospital's database refused the gateway's account."),
        _code(
            "S107",
            "SOURCE_UNTRUSTED",
            "08001",
            502,
            1,
            "The hospital's database showed a certificate that the source's tls_ca does not vouch for, or does not speak TLS as the source's tls option wants. Nothing was sent to it.",
        ),
        _code(
            "S108",
            "SOURCE_FORBIDDEN",
            "42501",
            502,
            1,
            "The hospital's database knows the gateway's account, which may not read this. Its administrator grants the right to read the tables that node.yaml names.",
        ),
        _code(
            "S110",
            "SOURCE_MISCONFIGURED",
            "F0000",
            500,
            2,
            "The source's adapter, url or options are wrong or incomplete. Look at node.yaml and [sources.<node>.<source>] in gateway.toml.",
        ),
        _code(
            "S120",
            "SCHEMA_DRIFT",
            "42P17",
            502,
            1,
            "The source no longer looks as node.yaml says: a table or column is gone or has another type. `hospital-gateway sources describe` shows what is there now.",
        ),
        _code(
            "S121",
            "VALUE_UNREADABLE",
            "22000",
            502,
            1,
            "A value of the source cannot be read as its declared type. `hospital-gateway catalog check --sample` counts such values.",
        ),
        _code("S130", "SOURCE_BUSY", "53300", 503, 1, "All slots of the source are taken. Try again."),
        _code(
            "M101",
            "MERGE_FAILED",
            "XX000",
            500,
            1,
            "Putting the fragments together failed. If a value caused it (a cast, a division by zero), the statement can avoid it.",
        ),
        _code(
            "M102",
            "MERGE_OUT_OF_MEMORY",
            "53200",
            500,
            1,
            "The merge needs more than its share of memory or disk ([merge] in gateway.toml). Add filters, or group less finely.",
        ),
        _code(
            "M103",
            "EVALUATION_ERROR",
            "22000",
            400,
            1,
            "An expression of the statement failed on a value: a cast that does not fit, an overflow, a division by zero. Guard it with CASE or NULLIF.",
        ),
        _code(
            "M104",
            "RESULT_TOO_LARGE",
            "53400",
            413,
            1,
            "The answer or a spooled part of it passes a limit of the gateway ([limits] in gateway.toml).",
        ),
        _code(
            "M105",
            "MERGE_TIMEOUT",
            "57014",
            504,
            1,
            "The hospitals answered, but the answer was not merged, or not read by the caller, within the deadline. Add filters, or raise [limits] deadline.",
        ),
        _code("C101", "YAML_ERROR", "F0000", 500, 2, "The file is not readable YAML."),
        _code("C102", "UNKNOWN_KEY", "F0000", 500, 2, "The file has a key that the mapping language does not know."),
        _code("C103", "MISSING_KEY", "F0000", 500, 2, "The file lacks a key that must be there."),
        _code("C104", "INVALID_VALUE", "F0000", 500, 2, "A value has the wrong form or is not one of those allowed."),
        _code("C105", "DUPLICATE", "F0000", 500, 2, "Something is defined twice: a table, a binding, a key of a code map."),
        _code("C201", "UNKNOWN_SOURCE_TABLE", "F0000", 500, 2, "The binding names a source or source table that node.yaml does not have."),
        _code("C202", "UNKNOWN_VIRTUAL_TABLE", "F0000", 500, 2, "The file names a virtual table that tables/ does not have."),
        _code("C203", "UNKNOWN_RAW_COLUMN", "F0000", 500, 2, "The expression names a column that the source table does not have."),
        _code("C204", "UNKNOWN_VIRTUAL_COLUMN", "F0000", 500, 2, "The file names a column that the virtual table does not have."),
        _code(
            "C205",
            "UNKNOWN_LOOKUP",
            "F0000",
            500,
            2,
            "The binding names a lookup, or a key or value of one, that codes/codes.yaml does not have.",
        ),
        _code(
            "C206", "UNKNOWN_FUNCTION", "F0000", 500, 2, "The mapping language has no such function; docs/mapping-language.md lists them."
        ),
        _code("C207", "INVALID_ARGUMENTS", "F0000", 500, 2, "A mapping function got the wrong number or types of arguments."),
        _code("C208", "UNREADABLE_EXPRESSION", "F0000", 500, 2, "The expression cannot be read; the position shown is within it."),
        _code(
            "C209",
            "COLUMN_WITHOUT_EXPRESSION",
            "F0000",
            500,
            2,
            "Every virtual column must be in columns, constants or absent: silence is an error.",
        ),
        _code(
            "C210",
            "NULL_IN_REQUIRED_COLUMN",
            "F0000",
            500,
            2,
            "The virtual column is declared nullable: false, but the expression can be NULL.",
        ),
        _code("C211", "VALUE_NOT_IN_LIST", "F0000", 500, 2, "A constant or recode target is not among the column's declared values."),
        _code("C212", "TYPE_DOES_NOT_FIT", "F0000", 500, 2, "The expression's type cannot become the declared type of the column."),
        _code(
            "C213", "INVALID_POLICY", "F0000", 500, 2, "A policy names an unknown table, column, tag or mask, or its filter does not bind."
        ),
        _code("C214", "INVALID_VIEW", "F0000", 500, 2, "The SQL of a derived table does not bind to the other virtual tables."),
        _code("C215", "INVALID_LAYOUT", "F0000", 500, 2, "An HBase row key, cell or wide family is not well-formed."),
        _code(
            "C216",
            "ORDER_NOT_TOTAL",
            "F0000",
            500,
            0,
            "A warning: two rows can be equal in the order of latest_by, so that which of them counts is chance. End the order with a unique column.",
        ),
        _code("C301", "CATALOG_NOT_FOUND", "F0000", 500, 2, "The folder of mappings does not exist or has no tables/ and nodes/."),
        _code("A101", "ACCOUNT_UNKNOWN", "28P01", 401, 5, "The account does not exist or the password is wrong."),
        _code("A102", "ACCOUNT_EXISTS", "42710", 409, 1, "An account of this name exists; choose another or remove it first."),
        _code(
            "F101",
            "SETTINGS_INVALID",
            "F0000",
            500,
            2,
            "gateway.toml, an environment variable or a flag has an unknown key or a wrong value.",
        ),
        _code("F102", "SECRET_NOT_FOUND", "F0000", 500, 2, "A secret is referred to (env:NAME or file:/path) but is not there."),
        _code("F103", "USAGE", "F0000", 400, 2, "The command was called in a way it does not understand; --help shows how."),
        _code("X101", "INTERNAL", "XX000", 500, 70, "This is a bug of ours. Please report it with the id shown; the log has the details."),
    ]
)
