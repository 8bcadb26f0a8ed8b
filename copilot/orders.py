"""Orders and questions: what a source asks of its reader states nothing that a sentence could rest on.

Read off the words, for English. What is missed is a statement like any other, and is cited and marked as one.
"""

import re

from policy.folding import Folds

_VERBS = """act add adopt answer append apply ask assume augment avoid begin break build call carry change check
    choose cite classify click combine compose confirm consider contact contain continue convert copy create decode
    delete deliver deploy describe develop disclose display disregard do download draft email embed employ encode
    end enhance ensure enter execute explain express fetch finish follow forget format generate get give
    group help hide hint identify ignore impersonate include incorporate inject insert install
    integrate introduce invent invite join jumble keep leak link list load look make mark mention merge
    misspell modify name obey omit open output override paste place post praise prepare present pretend print produce
    promote provide publish put quote read rearrange recite recommend refer refuse release remind remove render
    repeat rephrase replace reply report request respond return reveal rewrite run say scramble search send set share
    show sign skip solve spell start state stop store submit substitute suggest summarise summarize switch take
    tease tell think transform translate treat trust try turn type upload use utilize utilise visit work
    write""".split()
_OBJECTS = r"""(?:an?|the|this|that|these|those|your|my|our|his|her|its|their|all|any|each|every|some|no|it|me|us|
    them|him|you|yourself|how|what|why|who|where|when|whether|only|as|in|into|with|from|for|to|on|by|at|up|out|
    about|nothing|everything|anything|one|two|three|[a-z]+s|["'“‘(\[{]|https?:)"""
_LEADS = r"""(?:(?:please|now|then|also|and|so|next|first|finally|instead|afterwards|just|always|never|kindly|
    do\ not|don['’]t|you\ (?:must|should|have\ to|need\ to|are\ to|may|can|could|will|shall)|remember\ to|
    make\ sure\ (?:to|that\ you)|be\ sure\ to|feel\ free\ to|try\ to|let['’]s|can\ you|could\ you|would\ you|
    (?:hesitate|forget|want|proceed)\ to|(?:before|when|after|if|while)\ you\ \w+|in\ (?:your|the)\ \w+|
    (?:to|for)\ \w+)[,:]?\ )"""
_MARK = r"(?:\((?:ts|s|c|u)(?://[^)]{0,80})?\)\W*)"
_ORDER = re.compile(
    rf"(?ix) ^ [\W_]* {_MARK}? {_LEADS}{{0,4}} (?:(?:{'|'.join(_VERBS)})\b (?:\ \w+ly)? (?:\s+{_OBJECTS}|\W*$))"
    r"| \b your\ (?:\w+\ ){0,2} (?:answers?|responses?|repl(?:y|ies)|outputs?|messages?|summar(?:y|ies)|instructions?"
    r"|(?:system\ )?prompts?|rules|solution|implementation|code(?:base)?|algorithm|explanation)\b"
    r"| \b you\ are\ (?:now|no\ longer|not\ allowed)\b | \?[\W_]* $"
)
_CLAUSE = re.compile(r"(?<=[.!?:;])\s+|\n+")
_REPORTS = re.compile(
    r"(?i)(?<!\bas )\b(?:ask|want|tell|told|order|instruct|request|demand|urge|say|said|write|wrote|question|wonder"
    r"|invite|remind|suggest|propose|recommend|direct|call|command|advise)(?:s|ed|ing|es|d)?\b"
)
_DRESS = re.compile(r"<[^<>]{0,80}>|\x1b\[[0-?]{0,16}[@-~]|\]\([^()\s]{0,400}\)|[*_`]{1,3}")
"""Tags, terminal escapes, emphasis and the targets of links around an order."""
_NAME = re.compile(r"[A-Z][\w’'-]{2,}")
_FOLDS = Folds()


def statements(text: str) -> str:
    """The text without the clauses that ask or order something."""
    return "\n".join(clause for clause in _CLAUSE.split(text) if not _orders(clause))


def reports(claim: str, source: str) -> bool:
    """Whether the claim tells what somebody asks or orders whom the source names apart from the order."""
    stated = set(_NAME.findall(statements(source)))
    return (
        bool(_REPORTS.search(claim))
        and not _orders(claim)
        and not stated.isdisjoint(_NAME.findall(claim))
    )


def _orders(clause: str) -> bool:
    return bool(_ORDER.search(_DRESS.sub(" ", clause).translate(_FOLDS)))
