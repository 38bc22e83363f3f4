"""Keys of gpg made for a test, each in a home of its own."""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from mmbot.release.signing import Key

HAS_GPG = bool(shutil.which("gpg") and shutil.which("gpg-agent") and shutil.which("gpgconf"))


def gpg(home: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run gpg as its user would and give what it writes. The path to the home may be too long for an agent's socket."""
    with TemporaryDirectory(dir="/tmp") as short:
        link = Path(short, "home")
        link.symlink_to(home)
        options = ("--homedir", str(link), "--batch", "--quiet", "--pinentry-mode", "loopback")
        try:
            done = subprocess.run(["gpg", *options, *arguments], input=stdin, capture_output=True, check=True)  # noqa: S603, S607 - the tests' own arguments
        finally:
            subprocess.run(["gpgconf", "--homedir", str(link), "--kill", "all"], check=False)  # noqa: S603, S607 - likewise
    return done.stdout.decode()


def make_key(home: Path, passphrase: str = "", *options: str, kind: str = "rsa2048", expires: str = "never") -> Key:
    """Make a key that can sign and export its public half beside the home; `options` are gpg's."""
    home.mkdir(mode=0o700, parents=True)
    gpg(home, *options, "--passphrase", passphrase, "--quick-gen-key", "Cutter", kind, "sign", expires)
    rows = [line.split(":") for line in gpg(home, "--with-colons", "--list-keys").splitlines()]
    fingerprint = next(row[9] for row in rows if row[0] == "fpr")
    return Key(home, fingerprint, export(home, fingerprint), passphrase)


def export(home: Path, fingerprint: str) -> Path:
    """Export a public key anew."""
    public = home.with_suffix(".asc")
    public.write_text(gpg(home, "--armor", "--export", fingerprint))
    return public
