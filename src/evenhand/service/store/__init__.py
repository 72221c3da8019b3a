"""What the service keeps: SQLite or PostgreSQL through SQLAlchemy Core, every answer committed before it is given."""
