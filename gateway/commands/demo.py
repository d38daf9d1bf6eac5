"""`demo`: one question over the three example hospitals, its answer, and how it was got."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.query import query_context
from gateway.commands.session import Session, terminal_width
from gateway.errors import SettingsError
from gateway.report import printable

if TYPE_CHECKING:
    from gateway.context import QueryContext
    from gateway.engine import Engine
    from gateway.result import Result

QUESTION = "How many people had a systolic blood pressure of 140 mm[Hg] or more since 2023, in each hospital, and how high?"
STATEMENT = """\
select p.node,
       count(distinct p.patient_id)  as people,
       count(*)                      as readings,
       round(avg(v.value), 1)        as mean_systolic,
       max(v.value)                  as highest
from vital_sign v
join patient p on p.node = v.node and p.patient_id = v.patient_id
where v.loinc_code = '8480-6'
  and v.value >= 140
  and v.effective_at >= '2023-01-01'
group by p.node
order by p.node"""


def demo(
    session: Session,
    serve: Annotated[bool, typer.Option("--serve", help="Go on serving (once the front doors are released).")] = False,
) -> int:
    """Ask one question of the example hospitals and show how it was answered."""
    if serve:
        raise SettingsError(
            "F103",
            "this release has no front door to serve with",
            hint="GraphQL and the PostgreSQL wire come with their own releases; hospital-gateway query asks from the command line",
        )
    session.statement, session.example = STATEMENT, True
    context = query_context(session, None, "on", "fail", None)
    started = time.monotonic()
    from gateway.commands.footer import footer
    from gateway.commands.query import write_result
    from gateway.commands.writers import writer_of

    with session.engine() as engine:
        opened = time.monotonic()
        plan = engine.explain(STATEMENT, context).document
        asked = time.monotonic()
        if not session.json:
            session.write_line(f"{QUESTION}\n\n{STATEMENT}\n")
        result = engine.run(STATEMENT, context)
        rows = write_result(result, writer_of("json" if session.json else "table", session, plan))
        answered = time.monotonic()
        if session.json:
            return 0 if result.complete else 3
        session.write_line("\n" + "\n".join(footer(result, rows, answered - asked)))
        session.write_line(f"opening the catalog took {opened - started:.2f} s, planning {asked - opened:.2f} s\n")
        session.write_line("\n".join(_what_was_asked(plan, result)))
        session.write_line(_comparison(result, _fetched_without_pushdown(engine, context)))
    session.write_line(f"\n{_NEXT}")
    return 0 if result.complete else 3


_NEXT = """\
Next: hospital-gateway query "select * from patient limit 5"
      hospital-gateway explain "select * from patient where city = 'Worcester'"
      hospital-gateway catalog schema"""


def _what_was_asked(plan: dict[str, Any], result: Result) -> list[str]:
    """Per read of a source: what it fetched, and what became of each condition."""
    reports = {report.id: report for report in result.reports}
    lines = ["What was asked where:"]
    for reference in plan["references"]:
        for fragment in reference["fragments"]:
            report = reports.get(fragment["id"])
            fetched = f"{report.rows:,} rows, {report.bytes:,} bytes in {report.seconds:.2f} s" if report is not None else "nothing"
            lines.append(f"  {reference['table']} at {fragment['node']} ({fragment['source']}): {fetched}")
            for conjunct in fragment["conjuncts"]:
                pushed = f": {conjunct['pushed']}" if conjunct["pushed"] else f": {conjunct['reason']}"
                lines.append(f"      {conjunct['text']}  {_VERDICTS[conjunct['verdict']]}{pushed}")
        lines += [f"  {reference['table']} at {pruned['node']}: not asked, {pruned['reason']}" for pruned in reference["pruned"]]
    return [_cut(printable(line)) for line in lines]


_VERDICTS = {"exact": "→ sent", "superset": "→ sent, checked again here", "refuse": "→ checked here"}


def _cut(line: str) -> str:
    width = (terminal_width() or 160) - 1
    return line if len(line) <= width else line[: width - 1] + "…"


def _fetched_without_pushdown(engine: Engine, context: QueryContext) -> tuple[int, int]:
    result = engine.run(STATEMENT, replace(context, pushdown="off"))
    try:
        for _ in result.batches:
            pass
    finally:
        result.close()
    return _fetched(result)


def _fetched(result: Result) -> tuple[int, int]:
    return sum(report.rows for report in result.reports), sum(report.bytes for report in result.reports)


def _comparison(result: Result, without: tuple[int, int]) -> str:
    rows, size = _fetched(result)
    return f"Fetched: {rows:,} rows, {size:,} bytes. With --pushdown off it would have been {without[0]:,} rows, {without[1]:,} bytes."
