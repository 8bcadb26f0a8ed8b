"""Credentials: keys and tokens by the form that their issuers give them, passwords by their place."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import Form, View

_FORMS = {
    # Amazon, Google, age
    "A": r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b|\bAIza[\w-]{35}(?![\w-])|\bAGE-SECRET-KEY-1[A-Z0-9]{20}",
    "aws": r"(?i:\baws_secret_access_key)\W{1,5}[A-Za-z0-9/+]{40}",
    # GitHub, GitLab, Stripe, npm, Hugging Face, DigitalOcean
    "_": r"\bgh[oprsu]_[A-Za-z0-9]{30,255}|\bgithub_pat_[A-Za-z0-9_]{22,255}|\bwhsec_[A-Za-z0-9+/=]{20,255}"
    r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,255}|\bnpm_[A-Za-z0-9]{36}\b|\bhf_[A-Za-z0-9]{30,64}"
    r"|\bdo[opr]_v1_[a-f0-9]{64}\b",
    "glpat-": r"\bglpat-[\w-]{20,64}",
    # OpenAI and Anthropic
    "sk-": r"\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{20,255}",
    # Slack
    "xox": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}",
    "xapp-": r"\bxapp-\d-[A-Za-z0-9-]{20,255}",
    "hooks.slack": r"\bhooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,200}",
    # Google again
    "GOCSPX-": r"\bGOCSPX-[\w-]{20,64}",
    "ya29.": r"\bya29\.[\w-]{20,1024}",
    # Azure
    "Key": r"\b(?:Account|SharedAccess)Key ?= ?[A-Za-z0-9+/]{40,88}",
    "sig=": r"[?&]sig=[A-Za-z0-9%+/]{30,128}",
    "Q~": r"(?<![\w~.-])[\w~.-]{3}[78]Q~[\w~.-]{31,34}(?![\w~-])",
    # PyPI, SendGrid, Twilio, Telegram, HashiCorp
    "pypi-": r"\bpypi-[A-Za-z0-9_-]{40,255}",
    "SG.": r"\bSG\.[\w-]{16,32}\.[\w-]{30,64}",
    "SK": r"\bSK[0-9a-f]{32}\b",
    ":AA": r"\b\d{8,10}:AA[\w-]{32,34}(?![\w-])",
    "hv": r"\bhv[sbr]\.[\w-]{24,255}",
    # of no issuer in particular
    "PRIVATE KEY": r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY",
    "PuTTY-User-Key": r"\bPuTTY-User-Key-File-\d",
    "eyJ": r"\beyJ[\w-]{8,4096}+\.[\w-]{8,4096}+\.[\w-]{8,4096}+",
    "earer ": r"\b[Bb]earer [A-Za-z0-9_.~+/-]{20,4096}",
    "asic ": r"(?i:\bauthorization: ?basic )[A-Za-z0-9+/=]{8,400}",
    "://": r"(?<=://)[^\s/:@\"'<>]{1,80}:[^\s/@\"'<>]{1,200}@(?=[\w\[])",
}
_ISSUED = [(sign, Form(form)) for sign, form in _FORMS.items()]
"""What each form has in it, so that most texts are not looked through for it, and the form."""
_NAMED = Form(
    r"(?:\b|_)(?i:pass(?:word|wd|phrase|code)|pwd|secret(?:[_ -]?key)?|api[_ -]?(?:key|secret|token)"
    r"|(?:access|auth|refresh|session|bearer|client|private|signing|encryption|master)[_ -]?(?:key|token|secret)|token)"
    r"(?:\"|'|`)? ?(?:=>|:=|[:=]) ?(?:\"|'|`)?(?P<value>[^\s\"'`<>,;]{8,200})"
)
_HIGH_ENTROPY = 3.0
"""Bits a character, as an eight-letter random string has them and a word of eight letters has not."""
_CLASSES = tuple(map(re.compile, (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")))


def find(view: View) -> Iterator[Finding]:
    """Each credential in the text."""
    for sign, form in _ISSUED:
        if sign in view.text:
            for match in form.find(view):
                yield view.finding(Kind.CREDENTIAL, match.start(), match.end())
    if ":" in view.text or "=" in view.text:
        for match in _NAMED.find(view):
            if _is_random(match["value"].rstrip(".)]}")):
                yield view.finding(Kind.CREDENTIAL, match.start(), match.end())


def _is_random(value: str) -> bool:
    """Whether the value looks drawn and not written: mixed characters, hardly one repeated."""
    classes = [kind for kind in _CLASSES if kind.search(value)]
    if len(value) < 8 or len(classes) < 2 or not _CLASSES[2].search(value):
        return False
    enough = _HIGH_ENTROPY if len(value) > 8 else _HIGH_ENTROPY - 0.5
    return entropy(value) >= enough


def entropy(value: str) -> float:
    """Shannon's, in bits a character."""
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares)
