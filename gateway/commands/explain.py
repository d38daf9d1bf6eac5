"""`explain`: how a statement would be answered; with --analyze, how it was."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.query import Deadline, File, Pushdown, Role, Statement, query_context, read_statement
from gateway.commands.session import Session

if TYPE_CHECKING:
    from gateway.result import Result


def explain(
    session: Session,
    sql: Statement = None,
    file: File = None,
    analyze: Annotated[bool, typer.Option("--analyze", help="Run the statement too, and say what each read fetched.")] = False,
    pushdown: Pushdown = "on",
    role: Role = None,
    deadline: Deadline = None,
) -> int:
    """Say what each hospital would be asked, what stays, and why."""
    session.statement = read_statement(sql, file)
    context = query_context(session, role, pushdown, "fail", deadline)
    with session.engine() as engine:
        explanation = engine.explain(session.statement, context)
        document: dict[str, object] = dict(explanation.document)
        text = explanation.text
        if analyze:
            result = engine.run(session.statement, context)
            rows = _read_to_end(result)
            document["analyze"] = _analysis(result, rows)
            text = "\n".join([text, "", *_analysis_lines(result, rows)])
    session.answer(document, lambda: session.write_line(text))
    return 0


def _read_to_end(result: Result) -> int:
    try:
        return sum(batch.num_rows for batch in result.batches)
    finally:
        result.close()


def _analysis(result: Result, rows: int) -> dict[str, object]:
    from gateway.commands.writers import outcome_document

    return {
        "rows": rows,
        "fragments": [asdict(report) for report in result.reports],
        "sources": [outcome_document(outcome) for outcome in result.outcomes],
    }


def _analysis_lines(result: Result, rows: int) -> list[str]:
    from gateway.commands.footer import coverage
    from gateway.report import printable

    lines = [f"analyze: {rows:,} rows answered"]
    for report in result.reports:
        lines.append(
            f"  {report.id} {report.node}.{report.source}: fetched {report.rows:,} rows, {report.bytes:,} bytes, "
            f"delivered {report.delivered:,} rows, {report.seconds * 1000:.1f} ms"
        )
        lines += [f"    sent: {printable(statement)}" for statement in report.statements]
        lines += [f"    touched: {name} {count:,}" for name, count in report.touched]
    if result.outcomes:
        lines.append(coverage(result.outcomes))
    return lines
