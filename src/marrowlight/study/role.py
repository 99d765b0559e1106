"""What kind of image a series is, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from marrowlight.notice import Notice
from marrowlight.study import words
from marrowlight.study.candidate import Candidate
from marrowlight.study.fat import Fat, subcutaneous_fat
from marrowlight.study.parsed import Tags
from marrowlight.study.series import Role

STIR_TI_MS = (80.0, 260.0)
"""Inversion times that null fat: T1 of fat 200 to 380 ms from 0.2 to 3 T, times ln 2. Unit: ms."""

LONG_TE_MS = 55.0
"""Spin echo: TE from which an image counts as T2-weighted rather than PD or intermediate. Unit: ms.
Knee protocols use 25 to 50 ms for intermediate, 60 to 100 ms for T2."""

GRE_LONG_TE_MS = 10.0
"""Gradient echo: TE from which fluid is bright (T2*-weighted). Unit: ms. Spoiled T1-weighted
protocols stay below 6 ms, T2*-weighted ones begin at 12 ms."""

SHORT_TE_MS = 25.0
SHORT_TR_MS = 1100.0
"""Spin echo with TR below this and TE below SHORT_TE_MS is T1-weighted. Unit: ms."""

GRE_NOTICE = Notice(
    "gradient-echo-under-reads",
    "This is a gradient-echo or spin-lock series: such images under-read the size of bone marrow "
    "edema. Source: Osteoarthritis Cartilage 2009 review of terminology "
    "(S1063-4584(09)00077-6).",
)


@dataclass(frozen=True)
class Found:
    """A role with what it was concluded from."""

    role: Role
    evidence: tuple[str, ...]
    notices: tuple[Notice, ...] = ()


def find_role(candidate: Candidate) -> Found:
    """The role of a candidate from its tags, its names and the image itself."""
    tags = candidate.tags
    text = words.plain(" ".join(_names(candidate)))
    evidence: list[str] = []
    suppressed = _fat_suppressed(tags, text, evidence)
    role = _role(tags, text, suppressed, evidence)
    fat = subcutaneous_fat(candidate.volume) if candidate.volume is not None else Fat.UNCLEAR
    return _checked(role, suppressed, fat, tags, evidence)


def _names(candidate: Candidate) -> list[str]:
    keys = (
        "SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName",
        "MetaboliteMapDescription",
    )  # fmt: skip
    names = [str(candidate.tags[k]) for k in keys if k in candidate.tags]
    if candidate.nifti:
        names.append(PurePath(candidate.files[0]).name.split(".nii")[0])
    return names


def _fat_suppressed(tags: Tags, text: str, evidence: list[str]) -> bool | None:
    """Whether tags or names say that fat is suppressed; None if they say nothing."""
    options = str(tags.get("ScanOptions", "")).upper().split("\\")
    if hit := {"FS", "SFS", "FATSAT", "FAT_SAT", "WE", "SPIR", "SPAIR"} & set(options):
        evidence.append(f"ScanOptions {', '.join(sorted(hit))} (fat saturation)")
        return True
    selective = str(tags.get("SpectrallySelectedSuppression", "")).upper()
    if "FAT" in selective:
        evidence.append(f"SpectrallySelectedSuppression {selective}")
        return True
    if found := words.FAT_SATURATED.search(text):
        evidence.append(f"name has '{found.group(0)}' (fat suppression)")
        return True
    return None


def _role(tags: Tags, text: str, suppressed: bool | None, evidence: list[str]) -> Role:
    if found := words.WATER_SELECTIVE.search(text):
        evidence.append(f"name has '{found.group(0)}' (water-selective gradient echo or spin lock)")
        return Role.GRE_FS
    if _is_stir(tags, text, evidence):
        return Role.STIR
    if (dixon := _dixon(tags, text, evidence)) is not None:
        return dixon
    if _contrast(tags, text, evidence):
        return Role.CONTRAST
    if "EP" in _codes(tags, "ScanningSequence"):
        evidence.append("echo planar (a diffusion or functional series)")
        return Role.OTHER
    if _gradient_echo(tags, text):
        te = tags.get("EchoTime")
        evidence.append("gradient echo" + (f", TE {te:g} ms" if isinstance(te, float) else ""))
        # Spoiled gradient echo with a short TE is T1-weighted: fluid is dark on it.
        long_te = isinstance(te, float) and te >= GRE_LONG_TE_MS
        return Role.GRE_FS if suppressed and long_te else Role.OTHER
    weighting = _weighting(tags, text, evidence)
    if not suppressed or weighting is None:
        return weighting or Role.OTHER
    return {Role.T2: Role.T2_FS, Role.PD: Role.PD_FS}.get(weighting, Role.OTHER)


def _codes(tags: Tags, key: str) -> list[str]:
    """Values of a coded tag; BIDS sidecars join them with an underscore."""
    return [v for v in str(tags.get(key, "")).upper().replace("_", "\\").split("\\") if v]


def _dixon(tags: Tags, text: str, evidence: list[str]) -> Role | None:
    """The role of one image of a Dixon series; None if it is none."""
    kinds = set(str(tags.get("ImageType", "")).upper().split("\\")[2:])
    named = words.DIXON.search(text) or "DIXON" in kinds
    tagged = kinds & {"W", "WATER", "WATER_FAT"}
    if not named and not tagged and not kinds & {"F", "FAT", "IP", "OP", "IN_PHASE", "OUT_PHASE"}:
        return None
    weighting = _weighting(tags, text, evidence)
    if tagged or (named and not kinds & {"F", "FAT"} and words.WATER.search(text)):
        evidence.append("water image of a Dixon series")
        if weighting is Role.T1:
            return Role.OTHER
        return Role.GRE_FS if _gradient_echo(tags, text) else Role.DIXON_WATER
    if kinds & {"IP", "IN_PHASE"} or words.IN_PHASE.search(text):
        evidence.append("in-phase image of a Dixon series")
        return weighting or Role.OTHER
    evidence.append("Dixon image without the water alone")
    return Role.OTHER


def _contrast(tags: Tags, text: str, evidence: list[str]) -> bool:
    agent = words.plain(str(tags.get("ContrastBolusAgent", "")))
    if agent and not words.NO_CONTRAST.search(agent):
        evidence.append("contrast agent given (ContrastBolusAgent)")
        return True
    if (found := words.CONTRAST.search(text)) and not words.NO_CONTRAST.search(text):
        evidence.append(f"name has '{found.group(0)}' (contrast agent)")
        return True
    return False


def _is_stir(tags: Tags, text: str, evidence: list[str]) -> bool:
    if found := words.STIR.search(text):
        evidence.append(f"name has '{found.group(0)}'")
        if isinstance(ti := tags.get("InversionTime"), float) and ti > 0:
            evidence.append(f"TI {ti:g} ms")
        return True
    ti = tags.get("InversionTime")
    scanning = _codes(tags, "ScanningSequence")
    inverted = "IR" in scanning or str(tags.get("InversionRecovery", "")).upper() == "YES"
    gradient = "GR" in scanning
    if (
        isinstance(ti, float) and STIR_TI_MS[0] <= ti <= STIR_TI_MS[1]
        and not gradient and (inverted or "SE" in scanning or not scanning)
    ):  # fmt: skip
        evidence.append(f"TI {ti:g} ms nulls fat")
        return True
    return False


def _gradient_echo(tags: Tags, text: str) -> bool:
    scanning = _codes(tags, "ScanningSequence")
    pulse = str(tags.get("EchoPulseSequence", "")).upper()
    if "GR" in scanning or pulse == "GRADIENT":
        return True
    if "SE" in scanning or pulse == "SPIN":
        return False
    return bool(words.GRADIENT_ECHO.search(text))


def _weighting(tags: Tags, text: str, evidence: list[str]) -> Role | None:
    """T1, T2 or PD from the name, else from TE and TR; None if nothing says."""
    named = [
        (role, found)
        for role, pattern in ((Role.PD, words.PD), (Role.T2, words.T2), (Role.T1, words.T1))
        if (found := pattern.search(text))
    ]
    te, tr = tags.get("EchoTime"), tags.get("RepetitionTime")
    if isinstance(te, float):
        evidence.append(f"TE {te:g} ms")
    if isinstance(tr, float):
        evidence.append(f"TR {tr:g} ms")
    if len(named) == 1:
        role, found = named[0]
        evidence.append(f"name has '{found.group(0)}'")
        return role
    if not isinstance(te, float) or not isinstance(tr, float) or te <= 0:
        if named:
            evidence.append("name says " + " and ".join(f"'{f.group(0)}'" for _, f in named))
            return named[0][0]
        return None
    if tr < SHORT_TR_MS and te < SHORT_TE_MS:
        return Role.T1
    if tr < SHORT_TR_MS:
        return None
    return Role.T2 if te >= LONG_TE_MS else Role.PD


def _checked(
    role: Role, suppressed: bool | None, fat: Fat, tags: Tags, evidence: list[str]
) -> Found:
    """Let the image confirm, contradict or, where tags are silent, decide."""
    notices: list[Notice] = []
    if fat is not Fat.UNCLEAR:
        evidence.append(f"subcutaneous fat is {fat.value} in the image")
    if role in (Role.T2, Role.PD) and suppressed is None and fat is Fat.DARK:
        role = Role.T2_FS if role is Role.T2 else Role.PD_FS
        text = (
            "No tag or name says that fat is suppressed; it was concluded from the image, where "
            "subcutaneous fat is dark."
        )
        notices.append(Notice("fat-suppression-from-image", text))
    elif role.fluid_sensitive and fat is Fat.BRIGHT:
        text = (
            "Tags or names say that fat is suppressed, but subcutaneous fat is bright in the "
            "image: fat suppression may have failed, or this is another series."
        )
        notices.append(Notice("fat-not-dark", text))
    if role is Role.GRE_FS:
        notices.append(GRE_NOTICE)
    return Found(role, tuple(dict.fromkeys(evidence)), tuple(notices))
