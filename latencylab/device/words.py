"""Words and names of a profile file."""

from __future__ import annotations

SCHEMA_VERSION = 1

# Any operator, or any element type, that is not named.
ANY = "*"
# In place of an engine: the operator costs nothing.
FREE = "free"

# A name stands in NAME:RUNTIME, in file names and in tables.
NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]*"
NAME_EXPECTED = "expected letters, digits and any of _ . + - behind the first"
