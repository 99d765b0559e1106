"""A reading as three tables for researchers: bones, lesions, zones."""

from marrowlight.export.tables.columns import SCHEMA, TABLES, Column
from marrowlight.export.tables.files import table_files
from marrowlight.export.tables.rows import tables_of

__all__ = ["SCHEMA", "TABLES", "Column", "table_files", "tables_of"]
