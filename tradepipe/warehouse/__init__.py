"""SQL over the catalogue: engines, and the marts of dbt_like_sql."""
