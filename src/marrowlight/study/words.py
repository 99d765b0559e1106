"""Words in the names of series, in the languages that scanners speak.

English, German, French, Spanish, Italian, Portuguese, Dutch, Turkish, Chinese, Japanese. Every
pattern is matched against ``plain`` text, in whole words.
"""

from __future__ import annotations

import re
import unicodedata

CJK = "\u3040-\u30ff\u3400-\u9fff"


def plain(text: str) -> str:
    """Lower case, no accents, one space for any other sign, a space around CJK runs.

    ``"T2w_TSE-FS Höhe"`` becomes ``"t2w tse fs hohe"``; ``"左膝T2压脂"`` ``"左膝 t2 压脂"``.
    """
    folded = unicodedata.normalize("NFKD", text.lower().replace("ı", "i"))
    # Only Latin accents go: the voicing marks of Japanese kana are letters.
    kept = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", folded))
    spaced = re.sub(f"([{CJK}]+)", r" \1 ", kept)
    return " ".join(re.sub(r"[\W_]+", " ", spaced).split())


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b")


FAT_SATURATED = re.compile(
    _words(
        "fs", "fatsat", "fat ?sat\\w*", "fat ?supp?\\w*", "sfs", "we", "water ?excit\\w*",
        "spair", "spir", "aspir", "special", "chess", "proset", "chem ?sat", "dfs", "quickfatsat",
        "wasserang\\w*", "fett ?ges\\w*", "fett ?sat\\w*", "fett ?unterdr\\w*", "fett ?supp\\w*",
        "suppression (?:de )?graisse", "sat(?:uration)? (?:de )?graisse", "fat sat",
        "sat(?:uracion)? (?:de )?grasa", "supresion (?:de )?grasa", "sat grasso",
        "sat(?:urazione)? (?:del )?grasso", "soppressione (?:del )?grasso",
        "sat(?:uracao)? (?:de )?gordura", "supressao (?:de )?gordura",
        "vet ?suppressie", "vet ?onderdr\\w*", "vet ?sat\\w*", "yag ?bask\\w*",
        "\\w*(?:t1|t2|pd|pdw|dp|iw|tse|fse|se|cube)fs\\w*", "fs(?:t1|t2|pd|pdw)\\w*",
    ).pattern + "|脂肪抑制|压脂|抑脂|脂肪飽和|脂肪饱和"
)  # fmt: skip
"""Names of chemical fat saturation and water excitation."""

STIR = _words("\\w*stir\\w*", "tirm", "ir ?tse", "ir ?fse", "tse ?ir", "fse ?ir", "t2 ?ir")
DIXON = _words("\\w*dixon\\w*", "\\w*dix", "ideal", "lava ?flex", "wfop", "fatwater")
WATER = re.compile(_words("w", "wat", "water", "wasser", "eau", "agua", "acqua", "wateronly",
                          "\\w+ ?w(?= dixon)").pattern + "|水")  # fmt: skip
IN_PHASE = _words("in", "ip", "inphase", "in phase")
GRADIENT_ECHO = _words(
    "\\w*dess", "cube ?quant", "t1 ?rho", "t1r", "flash\\w*", "fiesta\\w*", "true ?fisp", "medic",
    "merge", "swi\\w*", "f?spgr", "vibe\\w*", "thrive", "lava\\w*", "mpgr", "gre", "ffe", "fisp",
    "t2 ?star", "adage", "wats\\w*", "mp ?rage", "bravo", "tfe",
)  # fmt: skip
WATER_SELECTIVE = _words("\\w*dess", "cube ?quant", "wats\\w*")
T1 = _words("[desv]?t1(?:w|wi|tse|fse|se|cube|sag|cor|ax|tra|gd|km|fs)?")
T2 = _words("[desv]?t2(?:w|wi|tse|fse|se|cube|sag|cor|ax|tra|frfse|stir|fs|spair|spir|tirm)?")
PD = re.compile(
    _words(
        "[desv]?pd(?:w|wi|tse|fse|se|cube|sag|cor|ax|tra|t2|fs|spair|spir)?", "fspd\\w*", "dp",
        "dpfs", "proton\\w*", "dens\\w* proton\\w*", "iw", "iwfs", "iwtse", "intermediate",
    ).pattern + "|质子|プロトン"
)  # fmt: skip

CONTRAST = re.compile(
    _words(
        "gd", "gado\\w*", "post ?gd", "t1gd", "km", "post ?km", "t1km", "kontrast\\w*", "ce",
        "contrast\\w*", "post ?contr\\w*", "injecte\\w*", "apres injection", "gadolinio", "mdc",
    ).pattern + "|造影|增强"
)  # fmt: skip
NO_CONTRAST = re.compile(
    r"\b(?:ohne|without|w o|wo|no|non|sans|sin|senza|sem|zonder|pre|vor|nativ|kontrastsiz)"
    r" ?(?:gd|gado\w*|km|kontrast\w*|ce|contrast\w*|injection|mdc)?\b|平扫|単純|none"
)
"""A word of absence before the word of contrast agent: "ohne KM", "sin contraste", "pre Gd"."""

LOCALISER = re.compile(
    _words(
        "loc", "locali[sz]\\w+", "lokali[sz]\\w*", "scout\\w*", "survey\\w*", "3 ?planes?\\w*",
        "3 ?pl", "topogram\\w*", "reperage", "localizador\\w*", "centratore", "piloot", "pilot",
        "plan ?scan", "smart ?brain", "aa ?head\\w*", "aa ?knee\\w*", "calibration", "asset ?cal",
        "ref(?:erence)? ?scan", "prescan", "3 ebenen", "klavuz",
    ).pattern + "|定位|位置決め"
)  # fmt: skip
DERIVED = _words(
    "adc", "mip", "subtract\\w*", "t[12] ?map\\w*", "t2 ?star ?map", "\\w*map", "trace\\w*",
    "colou?r", "reformat\\w*", "mpr", "phase", "screen ?save", "screenshot", "processed",
    "report", "summary", "fat ?fraction", "pdff", "r2 ?star",
)  # fmt: skip
