"""The words and sentences of an issue form, and which of them are the template's own."""

import re

LONGEST_TEXT = 1_000  # characters of a summary or remark that are kept
# How the sentences begin that the templates add to a requirement: whatever else stands beside an item is a remark.
_OF_TEMPLATE = (
    "it should follow the documentation", "note there are currently no", "as such they are checked", "please post it into this issue",
    "this is typically a readme", "the link to the documentation is set", "a great example is", "typical components of documentation",
    "the plugin.json file should include", "you can join the documentation channel", "the link to it is noted",
    "the link to the current release notes", "for example github releases", "for plugins in particular this means",
    "if the plugin exposes a public api", "if an update requires manual",
)  # fmt: skip
_LABELS_OF_TEMPLATE = {
    "requirements prerequisites", "installation steps", "configuration steps", "usage", "troubleshooting",
    "screenshots if available", "link or email address for help support",
}  # fmt: skip


def words(text: str) -> str:
    """The text as lower-case words parted by single spaces: no markup, hyphens as spaces, of addresses the host."""
    text = re.sub(r"(https?://[^\s/()]*)[^\s()]*", r"\1", text)
    return " ".join(re.sub(r"[^\w.@]+|(?<!\w)[_.]+|[_.]+(?!\w)", " ", text.lower()).split())


def sentences(text: str) -> list[str]:
    """The sentences of a text, its line breaks as spaces."""
    return [
        part
        for part in re.split(r"(?<!e\.g\.)(?<!i\.e\.)(?:(?<=[.!?])|(?<=[.!?][)*_\"']))\s+", " ".join(text.split()))
        if part
    ]


def is_of_template(sentence: str) -> bool:
    """Whether the template says this, or it says nothing at all."""
    plain = words(sentence)
    return not plain or plain in _LABELS_OF_TEMPLATE or plain.startswith(_OF_TEMPLATE)


def cut(text: str, most: int) -> str:
    """The text in at most so many characters, the last one an ellipsis where it was longer."""
    return text if len(text) <= most else text[: most - 1] + "…"
