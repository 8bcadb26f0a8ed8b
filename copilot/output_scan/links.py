"""Links, images and active markup: found, and made readable and dead, as analysts write them.

`hxxps://example[.]org` is read as the address that it was by φ and by the eval (`support.plain`).
"""

import re
from collections.abc import Callable, Iterator, Mapping

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import View

PASSES = 4
"""Links within links are made inert one after the other; what takes longer is withheld."""


def _spread(word: str) -> str:
    """The word also with what browsers leave out of a scheme."""
    return r"[\t\n]{0,2}".join(word)


_EVENTS = (
    "abort|animation(?:start|end|iteration)|before\\w{3,12}|begin|blur|change|click|copy|cut|dblclick|drag\\w{0,6}|drop"
    "|end|error|finish|focus(?:in|out)?|hashchange|input|key(?:down|up|press)|load(?:start|end)?|message|mouse\\w{2,5}"
    "|page(?:show|hide)|paste|pointer\\w{2,7}|popstate|repeat|resize|scroll|search|select|start|submit|toggle"
    "|touch\\w{3,6}|transition\\w{3,6}|unload|wheel"
)
_ATTRIBUTES = "href|src|srcset|srcdoc|action|formaction|poster|background|ping|cite|manifest|style"
_HOST = r"(?:[\w-]{1,63}\.){1,8}"
_LINK = re.compile(
    r"!?\[(?P<label>[^\[\]\n]{0,200})\]\(\s{0,3}<?(?P<target>[^()\s<>]{1,2000})[^()\n]{0,200}\)"
    r"|\[(?P<name>[^\[\]\n]{1,200})\]:[ \t]{0,3}<?(?=[^\s>]{0,200}(?:[/\\]{2}|[A-Za-z]{2}:|[\w-]\.[A-Za-z]{2}))"
    r"(?P<refers>[^\s>]{1,2000})>?"
    r"|(?P<data>\bdata:[\w.+/-]{1,80}[;,][^\s)\"'>]{0,100000})"
    rf"|\b(?P<script>{_spread('javascript')}|{_spread('vbscript')}|mailto):(?=\S)"
    r"|(?<![A-Za-z])(?!hxxps?:|fxps?:)(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,30}:[\\/]{2,5}|(?:https?|ftp):[\\/]{0,5})"
    r"(?P<rest>[^\s<>\"'\\/][^\s<>\"']{0,1999})"
    rf"|(?<![\w:/\\])(?P<relative>[\\/]{{2,4}}{_HOST}[\w-]{{2,63}})"
    rf"|(?<![\w.@/\\-])(?P<bare>{_HOST}[A-Za-z]{{2,24}}(?=[/?#][^\s.,;]))"
    r"|(?<![\w.])(?P<numbered>(?:\d{1,3}\.){3}\d{1,3})(?=:\d{2,5}/|/(?!\d{1,2}\b)\S)"
    r"|(?P<www>\bwww\d?\.)(?=[\w-])"
    r"|(?P<tag><)(?=/?[A-Za-z][\w:-]{0,40}(?:[\s/>]|\.[^\s<>@]{1,200}>|$)|[!?])"
    rf"|\b(?P<attribute>{_ATTRIBUTES})\s{{0,3}}=(?=\s{{0,3}}[\"']?(?:[^\s\"'>]{{0,100}}[\w-]\.[A-Za-z]{{2}}|[\\/]{{2}}))"
    rf"|\b(?P<handler>on(?:{_EVENTS}))\s{{0,3}}=|\b(?P<css>url)\s{{0,3}}\((?=\s{{0,3}}\S)",
    re.IGNORECASE,
)
_COULD_BE = re.compile(r"[:/\\<=]|\]\(|www|url\s{0,3}\(", re.IGNORECASE)
"""Nothing is a link that has none of these; most sentences have none."""


def find(view: View) -> Iterator[Finding]:
    """Each link, image, tag or script in the text.

    Of what base64 and the like decode to, addresses alone: no reader's program follows the rest.
    """
    for match in _LINK.finditer(view.text) if _COULD_BE.search(view.text) else ():
        if not view.ragged or match.lastgroup == "rest":
            yield view.finding(Kind.LINK, match.start(), match.end())


def inert(text: str) -> str:
    """The text with all of them dead; where PASSES do not do, some are left."""
    for _ in range(PASSES):
        dead = _one_pass(text)
        if dead == text:
            break
        text = dead
    return text


def _one_pass(text: str) -> str:
    view, kept, position = View(text), list[str](), 0
    for match in _LINK.finditer(view.text):
        found = view.finding(Kind.LINK, match.start(), match.end())
        kept += [text[position : found.start], _dead(match)]
        position = max(position, found.end)
    return "".join([*kept, text[position:]])


def _dead(match: re.Match[str]) -> str:
    return _DEAD[match.lastgroup or ""](match)


def _labelled(match: re.Match[str]) -> str:
    return f"{match['label']} ({_defanged(match['target'])})".strip()


_DEAD: Mapping[str, Callable[[re.Match[str]], str]] = {
    "target": _labelled,
    "refers": lambda match: f"{match['name']} ({_defanged(match['refers'])})",
    "data": lambda _: "[data removed]",
    "script": lambda match: "".join(match["script"].split()) + "[:]",
    "rest": lambda match: _defanged(match[0]),
    "relative": lambda match: match[0].replace(".", "[.]"),
    "bare": lambda match: match[0].replace(".", "[.]"),
    "numbered": lambda match: match[0].replace(".", "[.]"),
    "www": lambda match: match[0].replace(".", "[.]"),
    "tag": lambda _: "‹",
    "attribute": lambda match: f"{match['attribute']}[=]",
    "handler": lambda match: f"{match['handler']}[=]",
    "css": lambda _: "url[(]",
}


def _defanged(address: str) -> str:
    """The address with a scheme and a host that nothing takes for an address."""
    scheme, slashes, host, path = _ADDRESS.fullmatch(address).groups(default="")  # type: ignore[union-attr]
    dead = _SCHEMES.get(scheme.lower(), scheme.replace(":", "[:]"))
    return f"{dead}{slashes}{host.replace('.', '[.]').replace(':', '[:]')}{path}"


_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)?([\\/]*)([^/\\?#]*)(.*)", re.DOTALL)
_SCHEMES = {
    "http:": "hxxp:",
    "https:": "hxxps:",
    "ftp:": "fxp:",
    "ftps:": "fxps:",
    "hxxp:": "hxxp:",
    "hxxps:": "hxxps:",
}
