"""The papers and pages that the knowledge rests on (``data/references/*.yaml``)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from marrowlight.causes.probability import STRICT


class Reference(BaseModel):
    """cite : author, journal, year; url : the page read; read : how much of it was read."""

    model_config = STRICT
    cite: str = Field(min_length=4)
    url: str | None = None
    read: Literal["excerpt", "recalled"]


class References(BaseModel):
    """One file of references."""

    model_config = STRICT
    version: Literal[1]
    references: dict[str, Reference]
