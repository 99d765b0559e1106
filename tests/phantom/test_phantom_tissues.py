"""Tissues: published numbers, checked when they are read."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
import yaml

from marrowlight.errors import KnowledgeError
from marrowlight.phantom.sequence import fat_density, sequence_of, signal, water_signal
from marrowlight.phantom.tissue import Tissues, load_tissues
from marrowlight.study.series import Role


def brightness(tissues: Tissues, role: Role, name: str, fat_left: float = 0.06) -> float:
    sequence = sequence_of(role, tissues)
    left = 1.0 if role in (Role.T1, Role.T2, Role.PD, Role.STIR) else fat_left
    tissue = tissues[name]
    fat = fat_density(tissue) * signal(tissues.fat, sequence) * left
    return abs(water_signal(tissue, sequence) + fat)


@pytest.mark.parametrize("field", [1.5, 3.0])
@pytest.mark.parametrize("role", [Role.STIR, Role.PD_FS, Role.T2_FS])
def test_fluid_is_brightest_and_fat_dark_on_fluid_sensitive_series(
    field: float, role: Role
) -> None:
    tissues = load_tissues(field)
    order = [brightness(tissues, role, name) for name in ("fluid", "edema", "muscle", "marrow")]
    assert order == sorted(order, reverse=True)
    assert brightness(tissues, role, "marrow") > 2 * brightness(tissues, role, "cortex")
    assert brightness(tissues, role, "cartilage") > 2 * brightness(tissues, role, "meniscus")


@pytest.mark.parametrize("field", [1.5, 3.0])
def test_fat_is_brightest_and_edema_dark_on_t1(field: float) -> None:
    tissues = load_tissues(field)
    marrow = brightness(tissues, Role.T1, "marrow")
    assert marrow > 2 * brightness(tissues, Role.T1, "edema")
    assert brightness(tissues, Role.T1, "muscle") < 0.5 * marrow
    assert brightness(tissues, Role.T1, "fat") > 0.9 * marrow


def test_stir_nearly_nulls_fat_at_the_times_in_use() -> None:
    for field, usual in ((1.5, (140, 180)), (3.0, (200, 240))):
        tissues = load_tissues(field)
        sequence = sequence_of(Role.STIR, tissues)
        assert sequence.ti_ms is not None
        assert usual[0] <= sequence.ti_ms <= usual[1]
        assert abs(signal(tissues.fat, sequence)) < 0.15


def test_strength_of_a_fifth_makes_the_fat_fraction_that_was_measured() -> None:
    # Noorveriandi 2022: 92.1 % in normal marrow, 72.5 % in edema.
    tissues = load_tissues(3.0)
    marrow, edema = tissues["marrow"], tissues["edema"]
    fat = 0.8 * fat_density(marrow)
    whole = 0.8 * marrow.proton_density + 0.2 * edema.proton_density
    assert fat / whole == pytest.approx(0.725, abs=0.02)


def broken(tmp_path: Path, old: str, new: str) -> Path:
    text = resources.files("marrowlight.phantom").joinpath("tissues.yaml").read_text()
    assert old in text
    path = tmp_path / "tissues.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("proton_density: 0.65", "proton_density: 1.65", "tissues.skin.proton_density"),
        ("t1_ms: {1.5: 800, 3.0: 900}", "t1_ms: {1.5: 800}", "tissues.skin"),
        ("t1_ms: gold2004", "t1_ms: nobody2001", "nobody2001"),
        ("fat_fraction: 0.0", "fat_share: 0.0", "tissues.air.fat"),
        ("version: 1", "version: [", "YAML"),
    ],
)
def test_a_broken_file_is_refused_with_its_key(
    tmp_path: Path, old: str, new: str, key: str
) -> None:
    path = broken(tmp_path, old, new)
    with pytest.raises(KnowledgeError) as caught:
        load_tissues(3.0, path)
    assert key in str(caught.value)
    assert str(path) in str(caught.value)


def test_another_field_strength_is_refused() -> None:
    with pytest.raises(KnowledgeError, match="7"):
        load_tissues(7.0)


def test_every_source_is_used_and_named() -> None:
    data = yaml.safe_load(
        resources.files("marrowlight.phantom").joinpath("tissues.yaml").read_text()
    )
    used = {key for row in data["tissues"].values() for key in row["source"].values()}
    used |= set(data["fat"]["source"].values())
    assert used == set(data["sources"])
