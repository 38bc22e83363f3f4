"""Keys of gpg made for a test, each in a home of its own."""

import shutil
import subprocess
from pathlib import Path

from mmbot.release.signing import Key

HAS_GPG = bool(shutil.which("gpg") and shutil.which("gpg-agent"))


def gpg(home: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run gpg as its user would and give what it writes."""
    done = subprocess.run(  # noqa: S603 - the tests' own arguments
        ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", *arguments],  # noqa: S607 - whichever gpg there is
        input=stdin,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def make_key(home: Path, passphrase: str = "", *options: str, kind: str = "rsa2048", expires: str = "never") -> Key:
    """Make a key that can sign and export its public half beside the home; `options` are gpg's."""
    home.mkdir(mode=0o700, parents=True)
    try:
        gpg(home, *options, "--passphrase", passphrase, "--quick-gen-key", "Cutter", kind, "sign", expires)
        rows = [line.split(":") for line in gpg(home, "--with-colons", "--list-keys").splitlines()]
    finally:
        stop_agent(home)
    fingerprint = next(row[9] for row in rows if row[0] == "fpr")
    return Key(home, fingerprint, export(home, fingerprint), passphrase)


def export(home: Path, fingerprint: str) -> Path:
    """Export a public key anew."""
    public = home.with_suffix(".asc")
    public.write_text(gpg(home, "--armor", "--export", fingerprint))
    return public


def stop_agent(home: Path) -> None:
    """End the agent that gpg has started for a home."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)  # noqa: S603, S607 - likewise
