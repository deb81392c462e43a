"""
Alembic's entry: proxyfeed hands over its own connection, in one transaction.
"""

from alembic import context

from proxyfeed.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
