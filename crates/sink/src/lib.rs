//! What Millrace writes: the SQLite warehouse and Delta tables
