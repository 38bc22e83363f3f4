"""What a cut makes: files with their names, platforms and contents' sums."""

from pydantic import BaseModel, ConfigDict

PLATFORMS = ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64", "freebsd-amd64")
"""The platforms that a bundle may have executables for."""


class Artifact(BaseModel):
    """One bundle as it is signed and uploaded.

    `platform` is an operating system and architecture, "" for the bundle of all platforms; `sha256` in hexadecimal digits, `size` in bytes.
    `signed` is the sum of its signature, once that is uploaded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    platform: str = ""
    sha256: str
    size: int
    signed: str = ""

    @property
    def signature(self) -> str:
        """The name of its detached signature."""
        return f"{self.name}.sig"
