"""Words of series names, body parts and sides, in the languages that scanners speak.

English, German, French, Spanish, Italian, Portuguese, Dutch, Turkish, Polish, Chinese, Japanese.
"""

from __future__ import annotations

import re
import unicodedata

from marrowlight.study.study import Joint, Side


def plain(text: str) -> str:
    """Lower case, without accents, with one space for every other sign; CJK is kept.

    ``"T2w_TSE-FS Höhe"`` becomes ``"t2w tse fs hohe"``.
    """
    folded = unicodedata.normalize("NFKD", text.lower().replace("ı", "i"))
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(re.sub(r"[\W_]+", " ", kept).split())


FAT_SATURATED = re.compile(
    r"\b(fs|fse?fs|fatsat|fat sat\w*|fat supp?\w*|fatsup\w*|spair|spir|sfs|we|water excit\w*|"
    r"wasserang\w*|fettges\w*|fettsat\w*|fettunterdr\w*|fett supp\w*|fettsupp\w*|"
    r"suppression de graisse|sat graisse|satgr\w*|saturation graisse|supresion grasa|"
    r"sat grasa|satgrasa|grasa sat\w*|sat grasso|soppressione\w*|saturazione\w*|sat gordura|"
    r"gordura sat\w*|vetsuppressie|vetonderdr\w*|vet sat\w*|yag bask\w*|yb|chess|proset|"
    r"aspir|special|quick fatsat|dfs|chem sat|chemsat)\b"
    r"|(?<=[a-z0-9])fs\b|\bfs(?=t[12]|pd)|脂肪抑制|压脂|抑脂|脂肪飽和"
)
STIR = re.compile(r"\b(stir|tirm|turbostir|fast ?stir|t2 ?stir|i?stir\w*|ir tse|irfse|ir fse)\b")
DIXON = re.compile(r"\b(dixon|mdixon|ideal|flex|lava flex|vibe dix\w*|idea|wfop|wfs)\b")
WATER = re.compile(r"\b(w|water|wasser|eau|agua|acqua|wat|wo|su|wateronly|water only)\b|水")
FAT_IMAGE = re.compile(r"\b(f|fat|fett|graisse|grasa|grasso|gordura|vet|yag)\b")
GRADIENT_ECHO = re.compile(
    r"\b(q?dess|cube ?quant|t1rho|t1 rho|flash|fiesta|truefisp|medic|merge|swi|spgr|fspgr|vibe|"
    r"thrive|lava|mpgr|gre|ffe|fisp|t2star|t2 star|t2 ?\*|adage|wats|mprage|bravo|tfe)\b"
)
WATER_SELECTIVE = re.compile(r"\b(q?dess|cube ?quant|wats)\b")
T1 = re.compile(r"\bt1(w|wi|tse|fse|se|cube|sag|cor|ax|tra|gd|km)?\b|t1加权|t1強調")
T2 = re.compile(r"\bt2(w|wi|tse|fse|se|cube|fs|sag|cor|ax|tra|frfse|stir)?\b|t2加权|t2強調")
PD = re.compile(
    r"\b(pd|pdw|pdfs|fspd|pdtse|pdfse|dp|dpfs|proton|rho|ppd|densite|iw|intermediate|"
    r"pdsag|pdcor|pdax|pdt2|dens prot\w*|dp ?fs)\w?\b|质子|プロトン"
)
CONTRAST = re.compile(
    r"\b(gd|gad\w*|km|post ?k\w*|post ?contrast\w*|postcontrast\w*|ce|contrast\w*|\+c|c\+|"
    r"kontrast\w*|contraste|iv contrast|injecte|apres injection|mdc|dopo contrasto|post gd|t1gd|"
    r"t1km|kontrastli)\b|造影|增强"
)
LOCALISER = re.compile(
    r"\b(loc|localis\w+|localiz\w+|lokali[sz]\w*|scout\w*|survey\w*|3 ?plane\w*|3pl|topogram\w*|"
    r"reperage|localizador|planos|piloot|pilot|plan scan|planscan|smartbrain|aahead\w*|"
    r"calibration|asset cal|kalibr\w*|coil survey|ref scan|refscan|prescan|3 ebenen)\b|定位"
)
DERIVED = re.compile(
    r"\b(adc|mip|subtract\w*|sub|t2 ?map\w*|t1 ?map\w*|t2star ?map|map|fa map|trace\w*|"
    r"exponential|colou?r|reformat\w*|mpr|b0 ?map|phase|screen ?save|screenshot|"
    r"processed|report|summary|fieldmap|fat ?fraction|pdff|r2star)\b"
)

JOINTS: tuple[tuple[Joint, re.Pattern[str]], ...] = (
    (
        Joint.SACROILIAC,
        re.compile(
            r"\b(sij?j?|sijoints?|si joints?|sacro ?ili\w+|sacrum|isg|iliosa[ck]ral\w*|sig|"
            r"sacro iliaque\w*|sakroili\w+|kreuzdarmbein\w*|articulaciones sacro\w*)\b"
            r"|骶髂|仙腸"
        ),
    ),
    (
        Joint.KNEE,
        re.compile(
            r"\b(l|r)?(knees?|knie\w*|genou\w*|rodillas?|ginocchi\w*|joelhos?|diz|kolano|patell\w+|"
            r"tkr|oai|femorotib\w+)\b|膝"
        ),
    ),
    (
        Joint.HIP,
        re.compile(
            r"\b(l|r)?(hips?|hufte?n?|huft\w*|hanches?|caderas?|anc[ah]e?|quadril\w*|heup\w*|kalca|"
            r"biodro|femoral heads?|coxo\w*|coxa|acetabul\w+)\b|髋|股関節"
        ),
    ),
    (
        Joint.ANKLE,
        re.compile(
            r"\b(l|r)?(ankles?|sprunggelenk\w*|osg|cheville\w*|tobillos?|cavigli\w+|tornozelos?|"
            r"enkels?|ayak bileg\w*|kostka|hindfoot|ruckfuss|talus|talocrural|tibiotars\w+)\b"
            r"|踝|足関節"
        ),
    ),
)
OTHER_PARTS = re.compile(
    r"\b(brain|skull|cranium|hirn|schadel|cerveau|cerebr\w+|cranio|encefalo|kopf|beyin|head spdr|"
    r"head coil|headneck\w*|dti|dwi brain|fmri|bold|neuro|spine|wirbels\w+|rachis|columna|cspine|"
    r"lspine|tspine|lumbar|cervical|thorac\w+|breast|mamma|prostat\w*|liver|leber|foie|abdomen|"
    r"heart|cardiac|herz|chest|thorax|shoulder|schulter|epaule|hombro|spalla|ombro|omuz|"
    r"elbow|ellbogen|coude|codo|gomito|wrist|handgelenk|poignet|hand|finger|neck|hals)\b"
    r"|头|脳|脑"
)
HEAD_PART = re.compile(r"\b(head|brain|skull|neck|orbit|iac|pituitary)\b")

LEFT = re.compile(
    r"\b(lt|left|links?|linke[rsn]?|gauche|izquierd\w+|izq|sinistr\w+|sx|esquerd\w+|lewy|lewa|"
    r"lknee|lhip|lankle)\b|左"
)
RIGHT = re.compile(
    r"\b(rt|right|rechts?|rechte[rsn]?|droite?|derech\w+|dx|destr\w+|direit\w+|prawy|prawa|"
    r"rknee|rhip|rankle)\b|右"
)


def side_of_name(text: str) -> Side | None:
    """The side that a name says in a whole word; None if it says none, or both."""
    words = plain(text)
    left, right = bool(LEFT.search(words)), bool(RIGHT.search(words))
    if left == right:
        return None
    return Side.LEFT if left else Side.RIGHT


def joint_of_name(text: str) -> tuple[Joint, str] | None:
    """The joint that a name says, and the word; OTHER for another part of the body."""
    words = plain(text)
    for joint, pattern in JOINTS:
        if found := pattern.search(words):
            return joint, found.group(0)
    if found := OTHER_PARTS.search(words):
        return Joint.OTHER, found.group(0)
    return None
