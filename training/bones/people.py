"""Who is left out of what."""

from __future__ import annotations

FOLDS = (("1003", "2014", "3009"), ("1012", "1016", "1001"), ("1013", "2015", "2016"))
"""Three folds of sacroiliac joints by person; each holds out one or two with readings of edema."""
