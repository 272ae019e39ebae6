"""How a database is reached: its engine, schema, migrations and backups."""
