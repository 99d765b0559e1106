"""What verdicts, fates and bases are called on the page of a comparison."""

from __future__ import annotations

from marrowlight.course.course import Fate, SdcBasis, Verdict

WORDS = {
    Verdict.GREW: "grew",
    Verdict.SHRANK: "shrank",
    Verdict.STABLE: "stable",
    Verdict.NEW: "new",
    Verdict.RESOLVED: "resolved",
    Verdict.ABSENT: "none",
    Verdict.UNCERTAIN: "uncertain",
}

MARKS = {
    Verdict.GREW: "▲",
    Verdict.SHRANK: "▼",
    Verdict.STABLE: "=",
    Verdict.NEW: "+",
    Verdict.RESOLVED: "✓",
    Verdict.ABSENT: "–",
    Verdict.UNCERTAIN: "?",
}
"""Signs beside the words, so that no verdict is told by its color alone."""

MEANINGS = {
    Verdict.GREW: "by more than measuring again would explain",
    Verdict.SHRANK: "by more than measuring again would explain",
    Verdict.STABLE: "within what measuring again would explain",
    Verdict.NEW: "nothing was seen here before",
    Verdict.RESOLVED: "nothing is seen here any more",
    Verdict.ABSENT: "nothing was seen at either visit",
    Verdict.UNCERTAIN: "too small, or seen too differently, to tell",
}

FATES = {
    Fate.KEPT: "",
    Fate.SPLIT: "split",
    Fate.MERGED: "merged",
    Fate.NEW: "new",
    Fate.GONE: "gone",
    Fate.MOVED: "moved within the bone",
    Fate.MOVED_BONE: "moved to another bone",
}

BASIS = {
    SdcBasis.PHANTOM: "The software’s own repeatability on simulated repeated scans. This is a "
    "lower bound: real scans of real people may differ more.",
    SdcBasis.READER: "Published: one human reader who read the same scans twice. It is larger than "
    "the software’s own repeatability on simulated scans, and it is used until the software has "
    "been tried on real repeated scans.",
    SdcBasis.MEASURED: "Measured on real repeated scans.",
}
