"""`demo`: one question over the three example hospitals, its answer, and how it was got."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from gateway.commands.query import query_context
from gateway.commands.session import Session
from gateway.errors import SettingsError

QUESTION = "People with high blood pressure: how many are there in each hospital, and what was measured in 2023 and since?"
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
    session.statement = STATEMENT
    context = query_context(session, None, "on", "fail", None)
    started = time.monotonic()
    from gateway.commands.footer import footer
    from gateway.commands.query import write_result
    from gateway.commands.writers import writer_of

    with session.engine() as engine:
        opened = time.monotonic()
        explanation = engine.explain(STATEMENT, context)
        asked = time.monotonic()
        if not session.json:
            session.write_line(f"{QUESTION}\n\n{STATEMENT}\n")
        result = engine.run(STATEMENT, context)
        rows = write_result(result, writer_of("json" if session.json else "table", session, explanation.document))
        answered = time.monotonic()
    if not session.json:
        session.write_line("\n" + "\n".join(footer(result, rows, answered - asked)))
        session.write_line(f"opening the catalog {opened - started:.2f} s, planning {asked - opened:.2f} s\n")
        session.write_line("What was asked where:\n" + explanation.text)
        session.write_line('\nNext: hospital-gateway query "select * from patient limit 5" · hospital-gateway catalog schema')
    return 0 if result.complete else 3
