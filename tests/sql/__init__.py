"""Statements as users write them: what is refused, and what PostgreSQL's SQL means here."""
