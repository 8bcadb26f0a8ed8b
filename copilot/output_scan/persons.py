"""The names of persons that the reader may know as names in the graph and not from an answer."""

from collections.abc import Iterable, Iterator

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import View, words


class Persons:
    """Names by their first word, in one spelling; what is found is the longest that stands there."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for name in {tuple(words(name)) for name in names}:
            if name and sum(map(len, name)) > 1:
                self._by_first.setdefault(name[0], []).append(name)
        for several in self._by_first.values():
            several.sort(key=lambda name: (-len(name), name))

    def find(self, view: View) -> Iterator[Finding]:
        """Each name in the text; one of a single word only where it is written like a name."""
        said = [match[0] for match in view.words] if self._by_first else []
        past = 0
        for place, word in enumerate(said):
            if place < past:
                continue
            for name in self._by_first.get(word, ()):
                first, last = view.words[place], view.words[min(place + len(name), len(said)) - 1]
                if tuple(said[place : place + len(name)]) == name and (
                    len(name) > 1 or not view.text[first.start()].islower()
                ):
                    yield view.finding(Kind.PERSON, first.start(), last.end())
                    past = place + len(name)
                    break
