"""The drawings of the report page, made so that each stands on its own outside a browser.

A browser styles an inline SVG by the style sheet of its page, lets one drawing reuse parts of
another, and keeps lines as thick as they are whatever the size of the drawing. WeasyPrint does none
of the three. Here every drawing gets its size on paper, its own copies of what it reuses, and its
style as attributes, all taken from the page itself.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

SVG = "{http://www.w3.org/2000/svg}"

SIZES = (
    ("figure.key svg", 86.0, 95.0),
    (".pair svg", 91.0, 100.0),
    (".panel svg", 55.0, 44.0),
    ("svg.strip", 91.0, 4.8),
    (".small-rows svg.chance", 66.0, 3.0),
    ("svg.chance", 66.0, 4.0),
    ("svg.bits", 14.0, 2.6),
    (".legend svg", 11.0, 4.8),
)
"""Selector, and room on paper (width, height in mm) that a drawing is fitted into; the first that
matches counts. A drawing without an aspect ratio of its own fills the room."""

STYLED = frozenset(
    ("fill", "fill-opacity", "font-weight", "opacity", "paint-order", "stroke", "stroke-dasharray",
     "stroke-linecap", "stroke-linejoin", "stroke-opacity", "stroke-width")
)  # fmt: skip
"""Properties that are taken over from the style of the page."""

PX_PER_MM = 96 / 25.4
_MEDIA = re.compile(r"print|all")
_VARIABLE = re.compile(r"var\(\s*(--[\w-]+)\s*\)")
_NUMBER = re.compile(r"\d*\.?\d+")
_ONE_WAY = re.compile(r"M[^HVhv]*([HV])[^A-Za-z]*")


def draw_for_paper(page: Any, style: str) -> None:
    """Change every SVG of a page, in place.

    page : cssselect2.ElementWrapper, the root of the page
    style : the style sheet of the page
    """
    matcher, variables = _rules(style)
    parts = {
        part.etree_element.get("id"): part.etree_element for part in page.query_all("svg [id]")
    }
    originals = {id_: copy.deepcopy(part) for id_, part in parts.items()}
    for drawing in page.query_all("svg"):
        _bring_in(drawing.etree_element, originals)
        for image in drawing.etree_element.iter(f"{SVG}image"):
            # PDF/A forbids a viewer to smooth what it shows (ISO 19005-2, 6.2.8.1).
            image.set("image-rendering", "crisp-edges")
    sized: set[int] = set()
    for selector, width, height in SIZES:
        for drawing in page.query_all(selector):
            root = drawing.etree_element
            if id(root) not in sized:
                sized.add(id(root))
                _style(drawing, matcher, variables)
                _line_widths(root, *_fit(root, width, height))
                _describe(root)


def _rules(style: str) -> tuple[Any, dict[str, str]]:
    """A matcher of the rules that style drawings, and the variables of the page."""
    import cssselect2  # type: ignore[import-untyped]
    import tinycss2  # type: ignore[import-untyped]

    matcher = cssselect2.Matcher()
    variables: dict[str, str] = {}

    def take(rules: list[Any]) -> None:
        for rule in rules:
            if rule.type == "at-rule" and rule.lower_at_keyword == "media" and rule.content:
                if _MEDIA.fullmatch(tinycss2.serialize(rule.prelude).strip()):
                    take(tinycss2.parse_rule_list(rule.content, skip_whitespace=True))
            elif rule.type == "qualified-rule":
                found = {
                    one.name: tinycss2.serialize(one.value).strip()
                    for one in tinycss2.parse_blocks_contents(rule.content)
                    if one.type == "declaration"
                }
                if tinycss2.serialize(rule.prelude).strip() == ":root":
                    variables.update({k: v for k, v in found.items() if k.startswith("--")})
                ours = {name: value for name, value in found.items() if name in STYLED}
                if ours:
                    for selector in cssselect2.compile_selector_list(rule.prelude):
                        matcher.add_selector(selector, ours)

    take(tinycss2.parse_stylesheet(style, skip_comments=True, skip_whitespace=True))
    return matcher, variables


def _bring_in(root: Any, originals: dict[str | None, Any]) -> None:
    """Put a copy of what is reused in the place of every reference to it."""
    for parent in list(root.iter()):
        for place, child in enumerate(list(parent)):
            if child.tag == f"{SVG}use":
                target = originals.get((child.get("href") or "").removeprefix("#"))
                part = _element("g") if target is None else copy.deepcopy(target)
                part.attrib.pop("id", None)
                part.attrib.update({k: v for k, v in child.items() if k != "href"})
                part.tail = child.tail
                parent[place] = part
    for definitions in root.findall(f"{SVG}defs"):
        root.remove(definitions)


def _element(name: str) -> Any:
    from xml.etree.ElementTree import Element

    return Element(f"{SVG}{name}")


def _style(drawing: Any, matcher: Any, variables: dict[str, str]) -> None:
    """Write the style that the page gives to each element of a drawing onto it."""
    for wrapper in list(drawing.iter_subtree()):
        element = wrapper.etree_element
        for *_, declarations in matcher.match(wrapper):
            for name, value in declarations.items():
                known = _VARIABLE.sub(lambda m: variables.get(m[1], ""), value)
                element.set(name, known)
    for parent in list(drawing.etree_element.iter()):
        for child in list(parent):
            if child.tag == f"{SVG}text":
                _halo(parent, child)
    drawing.etree_element.set("font-family", "sans-serif")


def _halo(parent: Any, text: Any) -> None:
    """Stroke a text before it is filled, as ``paint-order`` asks, so that the stroke lies below."""
    if not text.attrib.pop("paint-order", None):
        return
    below = copy.deepcopy(text)
    below.tail = None
    below.set("fill", below.get("stroke", "none"))
    for name in [name for name in text.attrib if name.startswith("stroke")]:
        del text.attrib[name]
    parent.insert(list(parent).index(text), below)


def _fit(root: Any, width: float, height: float) -> tuple[float, float]:
    """Give a drawing its size; returns px per unit of its own, across and down."""
    _, _, across, down = (float(n) for n in root.get("viewBox").split())
    if root.get("preserveAspectRatio") != "none":
        scale = min(width / across, height / down)
        width, height = across * scale, down * scale
    root.set("style", f"width:{width:.3f}mm;height:{height:.3f}mm;max-width:none;max-height:none")
    return PX_PER_MM * width / across, PX_PER_MM * height / down


def _line_widths(root: Any, across: float, down: float) -> None:
    """Turn line widths and dashes that are meant in px of the paper into units of the drawing."""
    for element in root.iter():
        if element.attrib.pop("vector-effect", None) != "non-scaling-stroke":
            continue
        scale = (across * down) ** 0.5
        if one_way := _ONE_WAY.fullmatch(element.get("d", "")):
            scale = down if one_way[1] == "H" else across
        for name in ("stroke-width", "stroke-dasharray"):
            if element.get(name):
                element.set(name, " ".join(_scaled(element.get(name), scale)))


def _scaled(lengths: str, scale: float) -> Iterator[str]:
    return (f"{float(n) / scale:.4f}" for n in _NUMBER.findall(lengths))


def _describe(root: Any) -> None:
    """Give the text for those who cannot see the drawing where WeasyPrint looks for it."""
    said = root.attrib.pop("aria-label", None)
    if said:
        title = _element("title")
        title.text = said
        root.insert(0, title)
