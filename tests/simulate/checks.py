"""What must hold of everything that a clock said."""

from simulate.town import Town


class Eye:
    def __init__(self, town: Town) -> None:
        self.town, self.wrong = town, list[str]()
        self._read = 0

    def look(self) -> None:
        heard, self._read = self.town.ear.heard[self._read :], len(self.town.ear.heard)


def afterwards(town: Town) -> list[str]:
    return []
