"""Causes that must not be missed: rules beside the ranking, which no rank can hide."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from marrowlight.causes.case import Case
from marrowlight.causes.flag import Clear, Flag, FlagRule, FlagRules
from marrowlight.causes.knowledge import SITE, Knowledge, knowledge
from marrowlight.causes.near import nearest
from marrowlight.causes.probability import ESTIMATE
from marrowlight.causes.rule import references
from marrowlight.causes.yaml_file import YamlFile


@lru_cache(maxsize=1)
def flag_rules() -> tuple[FlagRule, ...]:
    """The rules of this package. A file that breaks its rules raises ``KnowledgeError``."""
    data = resources.files("marrowlight.causes").joinpath("data")
    return load_flags(data.joinpath("flags.yaml"), knowledge())


def load_flags(path: Traversable | Path, known: Knowledge) -> tuple[FlagRule, ...]:
    """Load rules and check that every id in them is known; the error names file and line."""
    file = YamlFile(path)
    rules = file.parse(FlagRules).flags
    check_ids(file, known)
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.id in seen:
            raise file.fail(("flags", index, "id"), f"The flag '{rule.id}' is there already.")
        seen.add(rule.id)
        for number, clear in enumerate(rule.cleared_by):
            if not clear.present and not clear.absent:
                where = ("flags", index, "cleared_by", number)
                raise file.fail(where, "A clearing without a finding would always clear.")
    return rules


def check_ids(file: YamlFile, known: Knowledge) -> None:
    """Raise ``KnowledgeError`` at the first id in a file of rules that nothing answers to."""
    ids = {
        "finding": known.findings.keys(),
        "site": set(known.findings[SITE].options),
        "cause": known.causes.keys(),
        "pathway": known.pathways.keys(),
        "source": {*known.references, ESTIMATE},
    }
    for where, key, kind in references(file.data):
        if key not in ids[kind]:
            near = nearest(key, ids[kind])
            hint = f"did you mean {', '.join(near)}?" if near else None
            raise file.fail(where, f"'{key}' is no known {kind}.", hint)


def flags_of(case: Case, probabilities: Mapping[str, float]) -> tuple[Flag, ...]:
    """What must not be missed in this patient, most urgent first; at most one flag for a cause.

    Parameters
    ----------
    case : Case
        What is known. An unknown finding fires nothing and clears nothing.
    probabilities : cause id to probability, 0 to 1
        Of the ranking; a cause that is not there has 0.

    Notes
    -----
    Of the rules that fire for a cause, the most urgent gives the flag and the reasons of the others
    are added. Equally urgent flags stand in the order of harm, then of probability.
    """
    known = knowledge()
    fired: dict[str, list[tuple[FlagRule, tuple[str, ...]]]] = {}
    for rule in flag_rules():
        why = rule.when.why(case, probabilities, known.findings)
        if why is not None and not any(_holds(clear, case) for clear in rule.cleared_by):
            fired.setdefault(rule.cause, []).append((rule, why))
    flags = []
    for rules in fired.values():
        stated = [r for r in rules if not r[0].when.asks_probability] or rules
        stated.sort(key=lambda r: r[0].urgency != "now")
        first = stated[0][0]
        why = tuple(dict.fromkeys(word for _, words in stated for word in words))
        shown = first.model_dump(include={"id", "cause", "what", "rule_out", "urgency", "source"})
        flags.append(Flag(**shown, why=why))
    harm = {cause.id: cause.harm for cause in known.causes.values()}
    flags.sort(
        key=lambda f: (
            f.urgency != "now",
            -harm[f.cause],
            -probabilities.get(f.cause, 0.0),
            f.cause,
        )
    )
    return tuple(flags)


def _holds(clear: Clear, case: Case) -> bool:
    return case.present.issuperset(clear.present) and case.absent.issuperset(clear.absent)
