"""YAML data files read with the line of every key, so that a mistake is named by file and line."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from marrowlight.errors import KnowledgeError

Model = TypeVar("Model", bound=BaseModel)
Where = tuple[str | int, ...]

# The parser written in C, where PyYAML was built with it, reads all data files ten times faster.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlFile:
    """One parsed data file: ``data``, and the line on which each part of it stands.

    Parameters
    ----------
    path : Path or package resource
        The file. A file that is no YAML, holds a tab as indent or a key twice, raises
        ``KnowledgeError`` with its line.
    """

    def __init__(self, path: Traversable | Path) -> None:
        self.name = path.name
        text = path.read_text(encoding="utf-8")
        try:
            loader = _LOADER(text)
            node = loader.get_single_node()
            self.data: Any = None if node is None else loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise KnowledgeError(
                f"This is no YAML: {error.problem}.", where=f"{self.name}, line {line}"
            ) from None
        self._lines: dict[Where, int] = {}
        if node is not None:
            for where, line in _walk(node, ()):
                if where in self._lines:
                    raise KnowledgeError(
                        f"The key '{where[-1]}' is given twice.", where=f"{self.name}, line {line}"
                    )
                self._lines[where] = line

    def place(self, where: Where) -> str:
        """``file, line N`` of the part at ``where``, or of the nearest part around it."""
        while where and where not in self._lines:
            where = where[:-1]
        return f"{self.name}, line {self._lines.get(where, 1)}"

    def fail(self, where: Where, found: str, expected: str | None = None) -> KnowledgeError:
        """The error for the part at ``where``; the caller raises it."""
        return KnowledgeError(found, where=self.place(where), expected=expected)

    def parse(self, model: type[Model]) -> Model:
        """The whole file as ``model``; a field that breaks its rule is a ``KnowledgeError``."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise self.fail(tuple(first["loc"]), f"{key or 'the file'}: {first['msg']}.") from None


def _walk(node: yaml.Node, where: Where) -> Iterator[tuple[Where, int]]:
    """Every part of a YAML document with its line (of its key, if it has one), from one."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here: Where = (*where, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _walk(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*where, index), value.start_mark.line + 1
            yield from _walk(value, (*where, index))
