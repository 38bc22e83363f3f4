"""A workshop for the tests: a key made for them, a storage, and a plugin's repository whose build makes a real bundle."""

import atexit
import contextlib
import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fake_git import FakeRepository
from fake_github import TOKEN, FakeGitHub, fake_github
from gpg_keys import make_key
from s3_server import s3_server

from mmbot.config import GitHub, Listing, Release, Signing, Storage
from mmbot.release.signing import Key

PLUGIN = "com.github.example.remind"
NAME = "mattermost-plugin-remind"
PASSPHRASE = "a long one, for the tests"
PUBLIC = "https://plugins.example.com/release"
PLATFORMS = ("linux-amd64", "darwin-amd64", "windows-amd64")
BUILD = """\
set -e
mkdir -p dist/top/server/dist dist/top/webapp
cp plugin.json icon.svg LICENSE dist/top/
echo 'window.remind = 1' > dist/top/webapp/main.js
for program in linux-amd64 darwin-amd64 windows-amd64.exe; do
  echo "plugin-$program of $(cat code)" > dist/top/server/dist/plugin-$program
  chmod 755 dist/top/server/dist/plugin-$program
done
echo "building $(cat code)"
tar -C dist -czf dist/plugin.tar.gz --owner=0 --group=0 --mtime=@$SOURCE_DATE_EPOCH top
"""
MANIFEST = """\
{
  "id": "%s",
  "name": "Remind",
  "description": "Reminds people of things.",
  "homepage_url": "https://github.com/example/remind",
  "support_url": "https://github.com/example/remind/issues",
  "release_notes_url": "https://github.com/example/remind/releases/tag/v%s",
  "icon_path": "icon.svg",
  "version": "%s",
  "min_server_version": "6.2.1",
  "server": {"executables": {
    "linux-amd64": "server/dist/plugin-linux-amd64",
    "darwin-amd64": "server/dist/plugin-darwin-amd64",
    "windows-amd64": "server/dist/plugin-windows-amd64.exe"
  }},
  "webapp": {"bundle_path": "webapp/main.js"}
}
"""


@dataclass
class Shop:
    """GitHub, the key, and the folder in which buckets and listing lie; `sections` are the configuration's."""

    github: FakeGitHub
    key: Key
    folder: Path
    sections: Mapping[str, Any]

    @property
    def bucket(self) -> Path:
        """Where what was uploaded lies."""
        return self.folder / "buckets" / "plugins" / "release"

    @property
    def listing(self) -> Path:
        """The listing's file."""
        return self.folder / "listing" / "plugins.json"

    def files(self) -> list[str]:
        """The names of all that was uploaded."""
        return sorted(x.name for x in self.bucket.iterdir()) if self.bucket.exists() else []


def sources(version: str = "1.0.0", code: str = "one", **more: str) -> dict[str, str | bytes]:
    """A plugin's source, which its build makes a bundle of."""
    return {
        "plugin.json": MANIFEST % (PLUGIN, version, version), "icon.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n',
        "LICENSE": "MIT", "SECURITY.md": "x", "code": code, "build.sh": BUILD, **more,
    }  # fmt: skip


def merged(upstream: FakeRepository, fork: FakeRepository, ref: str = "refs/heads/main") -> str:
    """Bring what stands upstream into the fork, as another commit with the same tree; gives that commit."""
    fork.git("fetch", "--quiet", str(upstream.folder), "refs/heads/main")
    tree = fork.git("rev-parse", "FETCH_HEAD^{tree}")
    commit = fork.git(
        "-c", "user.name=Owner", "-c", "user.email=owner@example.com", "commit-tree", tree, "-m", "Merged into the fork"
    )
    fork.ref(ref, commit)
    return commit


@functools.cache
def signing_key() -> Key:
    """The key that signs, made once for all tests: nothing writes into its home."""
    folder = tempfile.mkdtemp(prefix="mmbot-key-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_key(Path(folder) / "gnupg", PASSPHRASE)


@contextlib.asynccontextmanager
async def workshop(
    folder: Path, obtain: str = "build", *, s3: bool = True, proposes: bool = False, key: Key | None = None
) -> AsyncIterator[Shop]:
    """A workshop on loopback: bundles are built by the repository's own script, or come from the release that CI makes."""
    (folder / "buckets" / "plugins").mkdir(parents=True)
    (folder / "listing").mkdir()
    (folder / "repositories").mkdir()
    (folder / "listing" / "plugins.json").write_text("[]\n")
    with contextlib.ExitStack() as servers:
        key = key or signing_key()
        options = servers.enter_context(s3_server(folder / "buckets")) if s3 else {}
        url = "s3://plugins/release" if s3 else (folder / "buckets" / "plugins" / "release").as_uri()
        if not s3:
            (folder / "buckets" / "plugins" / "release").mkdir()
        async with fake_github(folder / "repositories") as github:
            place = (
                {"repository": "mattermost/marketplace"} if proposes else {"file": folder / "listing" / "plugins.json"}
            )
            yield Shop(
                github, key, folder,
                {
                    "github": GitHub(api=github.api, web=github.address, token=TOKEN),
                    "release": Release(organisation="mattermost", obtain=obtain, build=("sh", "build.sh"), own={"mattermost-plugin-jira"}),
                    "signing": Signing(
                        home=key.home, fingerprint=key.fingerprint, public_key=key.public_key, passphrase=PASSPHRASE
                    ),
                    "storage": Storage(url=url, public_url=PUBLIC, options=options),
                    "listing": Listing(**place),
                },
            )  # fmt: skip
