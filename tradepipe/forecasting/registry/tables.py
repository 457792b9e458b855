"""The registry's tables. Their history is in `migrations`; a test holds the two together."""

import sqlalchemy as sa

from tradepipe.store.database import UtcDateTime
from tradepipe.store.tables import Key

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The fit cache: see `tradepipe.forecasting.refits`.
fits = sa.Table(
    "fits",
    metadata,
    # Hex digest of what the parameters follow from.
    sa.Column("key", Key, primary_key=True),
    sa.Column("blob", sa.LargeBinary, nullable=False),
    # The oldest by use are forgotten first.
    sa.Column("used_at", UtcDateTime, nullable=False),
    sa.Index(None, "used_at"),
)
