"""Words for joints, other parts of the body, and sides, in the languages that scanners speak.

English, German, French, Spanish, Italian, Portuguese, Dutch, Turkish, Chinese, Japanese.
"""

from __future__ import annotations

import re

from marrowlight.study.study import Joint, Side
from marrowlight.study.words import plain


def _words(*patterns: str) -> str:
    return rf"\b[lr]?(?:{'|'.join(patterns)})\b"


JOINTS: tuple[tuple[Joint, re.Pattern[str]], ...] = (
    (
        Joint.SACROILIAC,
        re.compile(
            _words(
                "sij", "sijs", "si ?joints?", "sacro ?ili\\w+", "sakro ?ili\\w+", "isg",
                "iliosa[ck]r\\w*", "kreuzdarmbein\\w*", "sacrum",
            ) + "|骶髂|仙腸"
        ),
    ),
    (
        Joint.KNEE,
        re.compile(
            _words(
                "knees?", "knie\\w*", "genou\\w*", "rodillas?", "ginocchi\\w*", "joelhos?", "diz",
                "patell\\w+", "femorotib\\w+",
            ) + "|膝"
        ),
    ),
    (
        Joint.HIP,
        re.compile(
            _words(
                "hips?", "hufte?n?", "huft\\w*", "hanches?", "caderas?", "anca", "anche",
                "quadril", "quadris", "heup\\w*", "kalca", "femoral (?:head|neck)s?",
                "schenkel(?:hals|kopf)\\w*", "acetabul\\w+",
            ) + "|髋|股関節"
        ),
    ),
    (
        Joint.ANKLE,
        re.compile(
            _words(
                "ankles?", "sprunggelenk\\w*", "osg", "chevilles?", "tobillos?", "cavigli\\w+",
                "tornozelos?", "enkels?", "ayak bileg\\w*", "hindfoot", "ruckfuss", "talus",
                "talocrural", "tibiotars\\w+",
            ) + "|踝|足関節"
        ),
    ),
)  # fmt: skip

OTHER_PARTS = re.compile(
    _words(
        "brain", "skull", "hirn", "gehirn", "schadel", "kopf", "neurocran\\w+", "cerveau",
        "cerebr\\w+", "crane", "cerebro", "craneo", "encefalo", "cranio", "beyin", "hersenen",
        "head ?neck\\w*", "head coil", "dti", "fmri", "spine", "\\wspine", "wirbels\\w+",
        "rachis", "columna", "colonna", "omurga", "lumbar", "cervical", "thorac\\w+", "breast",
        "mamma", "prostat\\w*", "liver", "leber", "foie", "abdomen", "heart", "cardiac", "herz",
        "chest", "thorax", "shoulder", "schulter", "epaule", "hombro", "spalla", "ombro", "omuz",
        "elbow", "ellbogen", "coude", "codo", "gomito", "wrist", "handgelenk", "poignet", "hand",
        "finger", "hals",
    ) + "|头|脳|脑|腰椎|頚椎|颈椎|肩"
)  # fmt: skip
HEAD = re.compile(r"\b(?:head|neck|orbit|iac|pituitary)\b|頭")
"""Only in the tag BodyPartExamined, a coil or a file name: femora have heads and necks too."""

LEFT = re.compile(
    r"\b(?:left|links?|linke[rsn]?|gauche|izquierd\w+|sinistr\w+|esquerd\w+|lknee|lhip|lankle)\b|左"
)
RIGHT = re.compile(
    r"\b(?:right|rechts?|rechte[rsn]?|droite?|derech\w+|destr\w+|direit\w+|rknee|rhip|rankle)\b|右"
)
LEFT_BESIDE = {"l", "lt", "li", "g", "izq", "sx", "sin", "esq", "sol"}
RIGHT_BESIDE = {"r", "rt", "re", "d", "der", "dx", "dir", "sag"}
"""Too short to mean a side anywhere but directly beside the name of a joint."""
TURKISH = {"diz", "kalca", "ayak", "bilegi"}
HEMI = re.compile(r"\bhemi ([lr])\b")
"""The BIDS entity for a side."""


def side_of_name(text: str) -> Side | None:
    """The side that a name says; None if it says none, or both."""
    words = plain(text)
    left, right = bool(LEFT.search(words)), bool(RIGHT.search(words))
    if hemi := HEMI.search(words):
        left, right = left or hemi.group(1) == "l", right or hemi.group(1) == "r"
    tokens = words.split()
    for n, token in enumerate(tokens):
        if not any(pattern.search(token) for _, pattern in JOINTS):
            continue
        for beside in (*tokens[max(0, n - 1) : n], *tokens[n + 1 : n + 2]):
            # Turkish "sag" is right, and everywhere else sagittal.
            if beside == "sag" and token not in TURKISH:
                continue
            left = left or beside in LEFT_BESIDE
            right = right or beside in RIGHT_BESIDE
    if left == right:
        return None
    return Side.LEFT if left else Side.RIGHT


def joint_of_name(text: str, *, head: bool = False) -> tuple[Joint, str] | None:
    """The joint that a name says, and the word; OTHER for another part of the body.

    head : whether the bare words "head" and "neck" mean the head, and not that of a femur.
    """
    words = plain(text)
    for joint, pattern in JOINTS:
        if found := pattern.search(words):
            return joint, found.group(0)
    found = OTHER_PARTS.search(words) or (HEAD.search(words) if head else None)
    return (Joint.OTHER, found.group(0)) if found else None
