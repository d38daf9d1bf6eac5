"""A catalog made by hand for planner tests: five tables, two hospitals whose columns are named like the virtual ones."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from adapters.interface import Capabilities, Exactness, Scan, Verdict
from adapters.weaken import classify_by_test
from catalog.binding import Projection
from catalog.conditions import Always, Condition, Never, Term, Test, Unknown, all_of, any_of
from catalog.model import CatalogSnapshot, Column, Policy, TableBinding, TablePolicy, Units, VirtualTable
from catalog.predicates import Atom, Conjunction, Disjunction, Predicate
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from gateway.planner.planner import Planner

NODES = ("hosp_a", "hosp_b")
VIEW = """select node, encounter_id || '-' || code as case_id, patient_id, code as disease_code, onset_date
          from condition where code in ('U07.1')"""


def _table(name: str, columns: dict[str, str], key: str, view: str | None = None, tags: dict[str, str] | None = None) -> VirtualTable:
    found = {"node": Column(name="node", type=parse_type("text"), nullable=False)}
    for column, type_ in columns.items():
        tag = (tags or {}).get(column)
        found[column] = Column(name=column, type=parse_type(type_), tags=frozenset([tag]) if tag else frozenset())
    return VirtualTable(name=name, columns=found, key=("node", key), view=view)


TABLES = {
    table.name: table
    for table in [
        _table(
            "patient",
            {"patient_id": "text", "family_name": "text", "sex": "text", "birth_date": "date", "city": "text", "active": "boolean"},
            "patient_id",
            tags={"patient_id": "direct_identifier", "family_name": "direct_identifier", "birth_date": "date_of_person"},
        ),
        _table(
            "vital_sign",
            {
                "vital_sign_id": "text",
                "patient_id": "text",
                "loinc_code": "text",
                "value": "double",
                "unit": "text",
                "effective_at": "timestamp",
            },
            "vital_sign_id",
            tags={"patient_id": "direct_identifier"},
        ),
        _table(
            "encounter",
            {"encounter_id": "text", "patient_id": "text", "period_start": "timestamp", "total_cost": "decimal(19,4)", "beds": "integer"},
            "encounter_id",
        ),
        _table(
            "condition",
            {"condition_id": "text", "patient_id": "text", "encounter_id": "text", "code": "text", "onset_date": "date"},
            "condition_id",
        ),
        _table(
            "notifiable_case", {"case_id": "text", "patient_id": "text", "disease_code": "text", "onset_date": "date"}, "case_id", view=VIEW
        ),
    ]
}
POLICIES = {
    "demo": Policy(role="demo", tables={name: TablePolicy() for name in TABLES}),
    "analyst": Policy(
        role="analyst",
        tables={"patient": TablePolicy(filter="city = 'Worcester'", hide=frozenset({"family_name"})), "vital_sign": TablePolicy()},
        tag_masks={"direct_identifier": "token", "date_of_person": "year"},
    ),
    "counter": Policy(role="counter", tables={"patient": TablePolicy()}, allow_aggregations=False),
    "narrow": Policy(role="narrow", tables={"condition": TablePolicy(hide=frozenset({"onset_date"})), "notifiable_case": TablePolicy()}),
    "watcher": Policy(
        role="watcher", tables={"notifiable_case": TablePolicy(filter="disease_code <> 'X'", hide=frozenset({"onset_date"}))}
    ),
}


class SameNames:
    """A compiled binding whose raw columns are the virtual ones."""

    drops_rows_at_gateway = False

    def __init__(self, binding: TableBinding) -> None:
        self.binding = binding

    def own_conditions(self) -> tuple[tuple[str, Condition], ...]:
        return ()

    def invert(self, predicate: Predicate) -> Condition:
        match predicate:
            case Atom(column="node", wanted=wanted):
                return Always() if wanted.contains(self.binding.node) else Never()
            case Atom(column=column, wanted=wanted):
                return Test(Term(column), wanted)
            case Conjunction(parts=parts):
                return all_of(*map(self.invert, parts))
            case Disjunction(arms=arms):
                return any_of(*map(self.invert, arms))
            case _:
                return Unknown()

    def project(self, columns: Sequence[str]) -> Projection:
        shown = [exp.column(c, quoted=True) if c != "node" else exp.alias_(exp.Literal.string(self.binding.node), c) for c in columns]
        raw = tuple(c for c in columns if c != "node") or ("patient_id",)
        return Projection(raw_columns=raw, query=exp.select(*shown).from_("raw"), tables=(), row_wise=True)


class TakesEverything:
    """A profile that takes every test as it is."""

    capabilities = Capabilities(filter=True, limit=True)

    def classify(self, scan: Scan) -> list[Verdict]:
        return [classify_by_test(c, lambda test: Verdict(Exactness.EXACT, test)) for c in scan.conditions]

    def explain(self, scan: Scan) -> str:
        return f"columns {', '.join(scan.columns)}"


def snapshot() -> CatalogSnapshot:
    bindings = []
    for node in NODES:
        for table in TABLES.values():
            if table.view is None:
                raw = tuple(RawColumn(name=c.name, type=c.type) for c in table.columns.values() if c.name != "node")
                relation = TableRelation(table=SqlTable(name=table.name, columns=raw))
                columns = {name: name for name in table.columns if name != "node"}
                bindings.append(
                    TableBinding(name=table.name, node=node, table=table.name, source="main", relation=relation, columns=columns)
                )
    return CatalogSnapshot(
        revision="0" * 64,
        schema="health",
        nodes={},
        tables=TABLES,
        bindings=tuple(bindings),
        lookups={},
        units=Units(),
        policies=POLICIES,
        compiled={f"{b.node}/{b.name}": SameNames(b) for b in bindings},
    )


def planner() -> Planner:
    return Planner(snapshot(), lambda _node, _source: TakesEverything())
