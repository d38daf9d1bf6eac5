"""Functions about the server, its databases and its objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from tests.servers.tds.errors import NotTranslated
from tests.servers.tds.function_types import Argument, Handler
from tests.servers.tds.sql_types import INT, text_type
from tests.servers.tds.values import Value, quoted

if TYPE_CHECKING:
    from tests.servers.tds.expressions import Translation


_NAME = text_type("nvarchar", 128)


def fact(name: str) -> Handler:
    def handler(translation: Translation, node: exp.Expression, _: Argument) -> Value:
        if isinstance(node, exp.Anonymous) and node.expressions:
            raise NotTranslated(f"{node.name} with an argument")
        return Value(translation.facts[name], INT if name == "db_id" else _NAME)

    return handler


def object_id(translation: Translation, node: exp.ObjectId, _: Argument) -> Value:
    if not isinstance(node.this, exp.Literal | exp.National):
        raise NotTranslated("OBJECT_ID of what is no constant")
    name = node.this.name
    if name.lower().startswith("tempdb..#"):
        known = name[len("tempdb..") :].lower() in translation.catalog.temporary
        return Value("-1" if known else "CAST(NULL AS INTEGER)", INT)
    number = translation.catalog.object_id(name)
    return Value(f"CAST({'NULL' if number is None else number} AS INTEGER)", INT)


def database_id(translation: Translation, node: exp.Anonymous, value: Argument) -> Value:
    if not node.expressions:
        return fact("db_id")(translation, node, value)
    name = value(node.expressions[0]).sql
    return Value(f"(SELECT database_id FROM meta.databases WHERE lower(name) = lower({name}))", INT)


def looked_up(query: str) -> Handler:
    def handler(_: Translation, node: exp.Anonymous, value: Argument) -> Value:
        return Value(f"({query.format(value(node.expressions[0]).sql)})", _NAME)

    return handler


def server_property(_: Translation, node: exp.Anonymous, __: Argument) -> Value:
    known = {
        "productversion": "16.0.1000.6",
        "edition": "Test Server",
        "collation": "SQL_Latin1_General_CP1_CI_AS",
        "productmajorversion": "16",
    }
    found = known.get(node.expressions[-1].name.lower())
    if found is None:
        raise NotTranslated(f"{node.name} of {node.expressions[-1].name}")
    return Value(quoted(found), _NAME)


def collation_property(_: Translation, node: exp.Anonymous, value: Argument) -> Value:
    if len(node.expressions) != 2 or node.expressions[1].name.lower() != "codepage":
        raise NotTranslated("COLLATIONPROPERTY of anything but CodePage")
    return Value(f"ss_code_page_number({value(node.expressions[0]).sql})", INT)


def schema_name(_: Translation, __: exp.Expression, ___: Argument) -> Value:
    return Value("'dbo'", _NAME)
