"""What the SQLite store is made of: its tables, its lock, its reads. The door is ``embedded.sqlite_store``."""
