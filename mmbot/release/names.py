"""The names of a bundle's entries: which are safe everywhere, and which mean the same file as another."""

import re
import unicodedata
from dataclasses import dataclass

from mmbot.domain.references import has_hidden
from mmbot.release.bad_bundle import BadBundle, quoted

_MAX_BYTES = 512
_MAX_PART_BYTES = 255
_NO_WINDOWS_NAME = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
_NO_WINDOWS_CHARACTER = re.compile(r'[<>"|?*]')
# drawn as nothing or as a space, though they count as letters, marks or symbols
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def safe_name(raw: bytes, *, is_folder: bool) -> str:
    """Give an entry's name without `./` before it and `/` after a folder's, "" for the folder of everything; or raise BadBundle."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise BadBundle("A name in the bundle isn't UTF-8 text. Pack it again with names in UTF-8.") from None
    if is_folder:
        if name in {".", "./"}:
            return ""
        name = name.removesuffix("/")
    elif name.endswith("/"):
        raise BadBundle(f"The bundle has {quoted(name)}, a file with the name of a folder. Pack it again.")
    name = name.removeprefix("./")
    _check(name, raw)
    return name


def _check(name: str, raw: bytes) -> None:
    parts = name.split("/")
    if not (name.isascii() and name.isprintable()) and _has_invisible(name):
        raise BadBundle(f"The name {quoted(name)} in the bundle has control or invisible characters in it. Rename it.")
    if ".." in parts:
        raise BadBundle(f"The bundle has {quoted(name)}, which leads out of it. Leave it out.")
    if name.startswith("/"):
        raise BadBundle(f"The bundle has {quoted(name)}, which begins at the root of the disk. Leave it out.")
    if "\\" in name or ":" in name:
        raise BadBundle(f"The bundle has {quoted(name)}; a colon or backslash leads elsewhere on Windows. Rename it.")
    if "" in parts or "." in parts:
        raise BadBundle(
            f"The bundle has {quoted(name)}, a path with nothing or a dot between its slashes. Pack it again."
        )
    if len(raw) > _MAX_BYTES or max(len(part.encode()) for part in parts) > _MAX_PART_BYTES:
        raise BadBundle(f"The name {quoted(name)} in the bundle is too long. Rename it, or leave it out.")
    for part in parts:
        if part[-1] in ". " or part[0] == " " or _NO_WINDOWS_NAME.fullmatch(part) or _NO_WINDOWS_CHARACTER.search(part):
            raise BadBundle(f"The bundle has {quoted(name)}, a name that can't be on Windows. Rename it.")


def _has_invisible(name: str) -> bool:
    strange = any((c.isspace() and c != " ") or c in "\u200c\u200d" for c in name)
    return strange or has_hidden(name) or bool(_BLANK.search(name))


def one_case(name: str) -> str:
    """Give what is equal for names that a case-insensitive or normalising file system takes for one."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


@dataclass
class _Seen:
    name: str
    is_folder: bool
    listed: bool  # as an entry of its own, not only as the folder of another


class Names:
    """The names met so far, and the folders they are in; `most` of them together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[str, _Seen] = {}
        self._folders: set[str] = set()
        self._tops: set[str] = set()
        self.count = 0

    def more(self) -> None:
        """Count one more thing, or raise BadBundle when it's too many."""
        self.count += 1
        if self.count > self._most:
            raise BadBundle(f"The bundle has more than {self._most:,} files and folders. Leave out what isn't needed.")

    def add(self, name: str, *, is_folder: bool) -> None:
        """Take one more, or raise BadBundle when it means what another does already."""
        self._tops.add(name.partition("/")[0])
        new = []
        parent = name.rpartition("/")[0]
        while parent and parent not in self._folders:  # most often the first one is known, and so are those above it
            new.append(parent)
            parent = parent.rpartition("/")[0]
        for folder in reversed(new):
            self._note(folder, is_folder=True, listed=False)
        self._note(name, is_folder=is_folder, listed=True)

    @property
    def top(self) -> str:
        """The folder that everything is in, "" when there is none."""
        if len(self._tops) != 1:
            return ""
        (top,) = self._tops
        return top if self._seen[one_case(top)].is_folder else ""

    def __contains__(self, name: str) -> bool:
        """Tell whether there is anything of this name, in whatever case."""
        return one_case(name) in self._seen

    def _note(self, name: str, *, is_folder: bool, listed: bool) -> None:
        key = one_case(name)
        seen = self._seen.get(key)
        if seen is None:
            self.more()
            self._seen[key] = _Seen(name, is_folder, listed)
            if is_folder:
                self._folders.add(name)
            return
        if seen.name != name:
            raise BadBundle(
                f"{quoted(seen.name)} and {quoted(name)} are the same name on some systems. Rename one of them."
            )
        if seen.is_folder != is_folder:
            raise BadBundle(f"{quoted(name)} is both a file and a folder in the bundle. Pack it again.")
        if listed and seen.listed:
            raise BadBundle(f"{quoted(name)} is in the bundle twice. Pack it again from an empty folder.")
        seen.listed |= listed
