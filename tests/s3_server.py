"""An S3 server on loopback, by rclone, over a folder of buckets."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RCLONE = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
OPTIONS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "SECRET-of-the-test", "aws_region": "us-east-1"}


@contextmanager
def s3_server(root: Path) -> Iterator[dict[str, str]]:
    """Serve each folder in `root` as a bucket, and give the options with which a storage is opened."""
    assert RCLONE
    address = ("--addr", "127.0.0.1:0", "--config", "")
    keys = ("--auth-key", f"{OPTIONS['aws_access_key_id']},{OPTIONS['aws_secret_access_key']}")
    with subprocess.Popen(  # noqa: S603 - the tests' own arguments
        [RCLONE, "serve", "s3", *address, *keys, "--", str(root)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={"HOME": "/nonexistent"},
    ) as server:
        try:
            assert server.stderr
            lines = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in server.stderr)
            yield OPTIONS | {"aws_endpoint": next(found[0] for found in lines if found), "allow_http": "true"}
        finally:
            server.kill()
            server.communicate()
