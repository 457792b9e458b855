"""Run by Alembic, for every folder of revisions: see `tradepipe.store.database.migrate`.

The caller brings the connection, inside its own locked transaction; there is no alembic.ini.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
