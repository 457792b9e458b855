"""History of the registry's tables, numbered, for Alembic."""
