"""The public names: complete, importable, documented."""

import ast
from pathlib import Path

import marrowlight


def test_every_public_name_is_there_and_documented():
    for name in marrowlight.__all__:
        thing = getattr(marrowlight, name)
        assert name == "__version__" or thing.__doc__


def test_the_lazy_table_and_the_typed_imports_agree():
    tree = ast.parse(Path(marrowlight.__file__).read_text())
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        for imported in node.body
        if isinstance(imported, ast.ImportFrom)
        for alias in imported.names
    }
    assert typed == set(marrowlight.__all__)


def test_rooms_import_only_to_their_left():
    order = ["study", "anatomy", "edema", "course", "causes", "care", "report"]
    root = Path(marrowlight.__file__).parent
    around = {"cli", "phantom", "simulate", "privacy"}
    composed = {"read_study", "measure_mask", "follow_visits", "visit_folder", "output"}
    wrong = []
    for room in [*order, *around]:
        for path in (root / room).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.ImportFrom) or not node.module:
                    continue
                parts = node.module.split(".")
                if parts[0] != "marrowlight" or len(parts) < 2:
                    continue
                other = parts[1]
                if room in order and (
                    other in around
                    or other in composed
                    or (other in order and order.index(other) > order.index(room))
                ):
                    wrong.append(f"{path.relative_to(root)} imports {node.module}")
    assert not wrong


def test_no_module_hides_a_public_function():
    root = Path(marrowlight.__file__).parent
    modules = {p.stem for p in root.glob("*.py")} | {p.name for p in root.iterdir() if p.is_dir()}
    assert modules & set(marrowlight.__all__) == {"errors"}


def test_a_name_that_is_not_there_is_an_attribute_error():
    assert not hasattr(marrowlight, "nonsense")
