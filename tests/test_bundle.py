"""What is no plugin bundle, or one made to deceive, is refused with a sentence."""

import contextlib
import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from bundles import (
    AT,
    FILES,
    MANIFEST,
    entry,
    folder,
    header,
    long_name,
    manifest,
    packed,
    pax,
    plugin,
    record,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbot.release.bundle import BadBundle, Bundle, BundleLimits, Stopped, inspect
from mmbot.release.manifest import read_manifest

T = "com.example.remind/"
DATABASE = Path(__file__).parents[1] / "../shared/data/plugins-2023-09-08.json"
GNU = {257: b"ustar  \0"}


def look(tmp_path: Path, data: bytes, limits: BundleLimits | None = None) -> Bundle:
    return inspect(written(tmp_path, data), limits)


def refusal(tmp_path: Path, data: bytes, limits: BundleLimits | None = None) -> str:
    with pytest.raises(BadBundle) as refused:
        look(tmp_path, data, limits)
    sentence = str(refused.value)
    assert sentence.isprintable()
    assert sentence.endswith((".", "`"))
    assert len(sentence) < 300
    return sentence


def test_a_bundle_says_what_is_in_it(tmp_path: Path) -> None:
    data = plugin(folder(T), folder(T + "empty"))
    bundle = look(tmp_path, data)
    assert (bundle.id, bundle.version, bundle.min_server_version) == ("com.example.remind", "1.2.3", "6.2.1")
    assert bundle.size == len(data)
    assert bundle.unpacked == len(gzip.decompress(data))
    assert bundle.top == "com.example.remind"
    assert bundle.manifest == manifest()
    assert bundle.fields["name"] == "Remind"
    assert bundle.executables["linux-amd64"] == "server/dist/plugin-linux-amd64"
    assert bundle.has_webapp
    assert bundle.icon == FILES["assets/icon.svg"]
    assert bundle.warnings == ()


@pytest.mark.parametrize("top", ["", "./", "x/", "./x/"])
def test_the_manifest_is_at_the_root_or_in_the_one_top_folder(tmp_path: Path, top: str) -> None:
    more = [folder("./")] if top.startswith("./") else []
    assert look(tmp_path, plugin(*more, top=top)).top == top.removeprefix("./").removesuffix("/")


def test_a_bundle_as_python_and_gnu_tar_pack_it_is_read(tmp_path: Path) -> None:
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz", format=form) as tar:
            for name, data in {"plugin.json": manifest(server=None, icon_path=None), **FILES}.items():
                info = tarfile.TarInfo(T + name)
                info.size, info.uid, info.uname, info.mtime = len(data), 2_000_000, "björn", AT
                tar.addfile(info, io.BytesIO(data))
            if form != tarfile.USTAR_FORMAT:
                tar.addfile(tarfile.TarInfo(T + "very/long/" + "ü" * 110))
        assert look(tmp_path, stream.getvalue()).id == "com.example.remind"


def test_what_is_no_whole_gzip_of_a_tar_is_refused(tmp_path: Path) -> None:
    good = plugin()
    assert "isn't a gzip file" in refusal(tmp_path, b"")
    assert "isn't a gzip file" in refusal(tmp_path, b"PK\3\4 a zip")
    assert "isn't a tar archive" in refusal(tmp_path, gzip.compress(b"no tar" * 200))
    assert "sum are wrong" in refusal(tmp_path, good[:-8] + bytes([good[-8] ^ 1]) + good[-7:])
    assert "sum are wrong" in refusal(tmp_path, good[:-1] + bytes([good[-1] ^ 1]))
    for cut in (1, 4, 8, 9, 100, len(good) // 2, len(good) - 11):
        assert "isn't whole" in refusal(tmp_path, good[:-cut])
    for garbage in (b"\0", b"x", good, gzip.compress(b"")):
        assert "behind its compressed contents" in refusal(tmp_path, good + garbage)


def test_a_gzip_header_on_which_readers_disagree_is_refused(tmp_path: Path) -> None:
    good = plugin()
    assert look(tmp_path, good[:3] + b"\x08" + good[4:10] + b"name.tar\0" + good[10:])
    for flags, more in (
        (0x02, b"\0\0"),
        (0x04, b"\2\0xx"),
        (0x10, b"hello\0"),
        (0x08, b"n" * 600 + b"\0"),
        (0x80, b""),
    ):
        assert "gzip header" in refusal(tmp_path, good[:3] + bytes([flags]) + good[4:10] + more + good[10:])


def test_an_archive_ends_with_its_end_and_nothing_else(tmp_path: Path) -> None:
    part = entry("plugin.json", manifest())
    assert "isn't whole" in refusal(tmp_path, packed(part, end=b""))
    assert "isn't whole" in refusal(tmp_path, packed(part, end=bytes(512)))
    assert "ends too early" in refusal(tmp_path, packed(part, end=bytes(512) + entry("more")))
    assert "behind its end" in refusal(tmp_path, packed(part, end=bytes(1024) + entry("more") + bytes(1024)))
    assert "behind its end" in refusal(tmp_path, packed(part, end=bytes(3 * 2**20)))
    assert "isn't whole" in refusal(tmp_path, packed(header(b"plugin.json", size=2000), bytes(512), end=b""))
    assert "plugin.json" in refusal(tmp_path, packed())


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../evil", "leads out of it"),
        ("x/../../evil", "leads out of it"),
        ("..", "leads out of it"),
        ("/etc/passwd", "root of the disk"),
        ("//host/share", "root of the disk"),
        (".//etc", "root of the disk"),
        ("a\\..\\b", "backslash"),
        ("C:/windows", "colon"),
        ("file.txt:stream", "colon"),
        ("a//b", "nothing or a dot"),
        ("a/./b", "nothing or a dot"),
        ("././a", "nothing or a dot"),
        ("a/", "name of a folder"),
        ("", "nothing or a dot"),
        (".", "nothing or a dot"),
        ("a\nb", "invisible"),
        ("a\x1b[2Jb", "invisible"),
        ("a\u202egvs.b", "invisible"),
        ("a\u200bb", "invisible"),
        ("a\u200db", "invisible"),
        ("a\u3164b", "invisible"),
        ("a\u00a0b", "invisible"),
        ("nul", "on Windows"),
        ("x/COM1.txt", "on Windows"),
        ("a.", "on Windows"),
        ("a /b", "on Windows"),
        ("what?", "on Windows"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    assert problem in refusal(tmp_path, plugin(entry(name)))
    if name not in {"", ".", "a/"}:
        assert problem in refusal(tmp_path, plugin(header(name.encode(), kind=b"5")))
        assert problem in refusal(tmp_path, plugin(pax(record("path", name)), entry("harmless")))
        assert problem in refusal(tmp_path, plugin(long_name(name.encode() + b"\0"), entry("harmless")))


def test_names_too_long_or_not_in_utf8_are_refused(tmp_path: Path) -> None:
    assert "isn't UTF-8" in refusal(tmp_path, plugin(entry(b"caf\xe9")))
    assert "too long" in refusal(tmp_path, plugin(pax(record("path", "x" * 256)), entry("a")))
    assert "too long" in refusal(tmp_path, plugin(pax(record("path", "x/" * 256 + "y")), entry("a")))
    assert "invisible" in refusal(tmp_path, plugin(long_name(b"plugin.json\0evil"), entry("a")))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (b"\0", "very old"),
        (b"1", "hard link"),
        (b"2", "symbolic link"),
        (b"3", "device"),
        (b"4", "device"),
        (b"6", "pipe"),
        (b"7", "contiguous"),
        (b"S", "sparse"),
        (b"D", "incremental"),
        (b"M", "part of a file"),
        (b"V", "label"),
        (b"K", "long link"),
        (b"X", "Solaris"),
        (b"Z", "unknown"),
    ],
)
def test_only_files_and_folders_may_be_in_a_bundle(tmp_path: Path, kind: bytes, what: str) -> None:
    assert what in refusal(tmp_path, plugin(header(b"x", kind=kind, over={157: b"/etc/passwd"})))
    assert what in refusal(tmp_path, plugin(header(b"x", kind=kind, over=GNU)))


@pytest.mark.parametrize(
    ("twins", "problem"),
    [
        (("a", "a"), "twice"),
        (("a", "./a"), "twice"),
        (("Read.me", "read.ME"), "same name"),
        (("straße", "STRASSE"), "same name"),
        (("\u00e9", "e\u0301"), "same name"),
        (("A/x", "a/y"), "same name"),
        (("a", "a/b"), "both a file and a folder"),
        (("a/b", "a"), "both a file and a folder"),
    ],
)
def test_two_names_for_one_file_are_refused(tmp_path: Path, twins: tuple[str, str], problem: str) -> None:
    assert problem in refusal(tmp_path, plugin(*map(entry, twins)))


def test_folders_may_come_after_their_files_but_not_twice(tmp_path: Path) -> None:
    assert look(tmp_path, plugin(folder(T), folder(T + "server/")))
    assert "twice" in refusal(tmp_path, plugin(folder(T), folder(T)))


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([pax(record("size", "4")), header(b"a", size=2) + bytes(512)], "two sizes"),
        ([pax(record("size", "0")), entry("a", b"data")], "two sizes"),
        ([pax(record("size", "04")), entry("a", b"data")], "two sizes"),
        ([pax(record("path", "a") + record("path", "b")), entry("a")], "broken pax"),
        ([pax(record("path", "")), entry("a")], "strange `path`"),
        ([pax(record("path", "a\0b")), entry("a")], "strange `path`"),
        ([pax(record("linkpath", "/etc")), entry("a")], "`linkpath`"),
        ([pax(record("hdrcharset", "BINARY")), entry("a")], "`hdrcharset`"),
        ([pax(record("GNU.sparse.name", "x")), entry("a")], "`GNU.sparse.name`"),
        ([pax(record("GNU.sparse.map", "0,1")), entry("a")], "`GNU.sparse.map`"),
        ([pax(record("mtime", "soon")), entry("a")], "strange `mtime`"),
        ([pax(record("uid", "0x1")), entry("a")], "strange `uid`"),
        ([pax(b"99 path=a\n"), entry("a")], "broken pax"),
        ([pax(b"+9 path=a\n"), entry("a")], "broken pax"),
        ([pax(b"10 path=a "), entry("a")], "broken pax"),
        ([pax(b"5 ab\n"), entry("a")], "broken pax"),
        ([pax(b"2 "), entry("a")], "broken pax"),
        ([pax(b"nothing"), entry("a")], "broken pax"),
        ([pax(b"10 path=\xff\n"), entry("a")], "isn't UTF-8"),
        ([pax(record("comment", "x" * 20_000)), entry("a")], "more than 16 KiB"),
        ([pax(b"".join(record(f"A.{n}", "") for n in range(101))), entry("a")], "more than 100 fields"),
        ([pax(record("path", "a")), pax(record("path", "b")), entry("a")], "two headers"),
        ([pax(record("path", "a")), long_name(b"b\0"), entry("a")], "two headers"),
        ([long_name(b"b\0"), pax(record("path", "a")), entry("a")], "two headers"),
        ([pax(record("path", "a"))], "isn't a tar archive"),
        ([pax(record("path", "a"), b"g"), entry("a")], "global"),
        ([pax(record("mtime", "1"), b"g"), entry("a")], "global"),
    ],
)
def test_headers_on_which_readers_disagree_are_refused(tmp_path: Path, parts: list[bytes], problem: str) -> None:
    assert problem in refusal(tmp_path, plugin(*parts))


def test_a_pax_header_may_say_what_it_says_everywhere(tmp_path: Path) -> None:
    said = record("path", T + "ü" * 120) + record("size", "4") + record("mtime", "1234.5") + record("SCHILY.dev", "1")
    assert look(tmp_path, plugin(pax(record("comment", "0" * 40), b"g"), pax(said), entry(T + "x", b"data")))


@pytest.mark.parametrize(
    ("over", "problem"),
    [
        ({124: b"\x80" + bytes(10) + b"\0"}, "strange size"),
        ({124: b"-0000000001\0"}, "strange size"),
        ({124: b"0o000000000\0"}, "strange size"),
        ({124: b"0000000000 1"}, "strange size"),
        ({124: b"0000000008\0\0"}, "strange size"),
        ({257: b"\0" * 8}, "read differently"),
        ({257: b"ustar\x0001"}, "read differently"),
        ({508: b"tar\0"}, "read differently"),
        ({**GNU, 345: b"prefix"}, "read differently"),
        ({108: b"nobody\0\0"}, "strange number"),
        ({136: b"\x80\xff" + bytes(10)}, "strange time"),
        ({100: b"\x80" + bytes(7)}, "strange mode"),
    ],
)
def test_numbers_and_magic_words_must_be_as_all_readers_take_them(
    tmp_path: Path, over: dict[int, bytes], problem: str
) -> None:
    assert problem in refusal(tmp_path, plugin(header(b"x", over=over)))


def test_a_wrong_checksum_and_a_folder_with_contents_are_refused(tmp_path: Path) -> None:
    assert "isn't a tar archive" in refusal(tmp_path, plugin(header(b"x", checksum=1234)))
    assert "contents of its own" in refusal(tmp_path, plugin(header(b"x/", kind=b"5", size=3) + bytes(512)))


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o120777, 0o4000000])
def test_modes_that_give_more_than_permissions_are_refused(tmp_path: Path, mode: int) -> None:
    assert "mode" in (said := refusal(tmp_path, plugin(entry("x", mode=mode)))) or "bit" in said
    # all 8 digits of the field: as a server reads them, its own bit for set-user-id
    assert "mode" in refusal(tmp_path, plugin(header(b"x", over={100: b"40000755"})))


def test_times_before_1970_are_read_as_any_reader_does(tmp_path: Path) -> None:
    assert look(tmp_path, plugin(header(T.encode() + b"x", over={136: b"\xff" * 12})))


def test_a_bundle_keeps_within_its_limits(tmp_path: Path) -> None:
    assert "larger than 0 MiB" in refusal(tmp_path, plugin(), BundleLimits(packed=100))
    assert "0 MiB unpacked" in refusal(tmp_path, plugin(), BundleLimits(unpacked=4096))
    many = [entry(f"{T}{n}/x") for n in range(20)]
    assert look(tmp_path, plugin(*many), BundleLimits(entries=60))
    assert "more than 40 files" in refusal(tmp_path, plugin(*many), BundleLimits(entries=40))
    for nothing in (folder("./"), pax(record("comment", "x"), b"g")):
        assert "more than 40 files" in refusal(tmp_path, plugin(*[nothing] * 40), BundleLimits(entries=40))
    deep = pax(record("path", "/".join("abcdefghijklmnopqrstuvwxyzabcdefghijklmnop"))) + entry("x")
    assert "more than 40 files" in refusal(tmp_path, plugin(deep), BundleLimits(entries=40))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = packed(header(b"zeros", size=8 * 2**30 - 1), bytes(40 * 2**20), end=b"")
    assert len(bomb) < 400_000
    assert "100 times as large" in refusal(tmp_path, bomb)


def test_a_pipe_in_place_of_a_bundle_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadBundle, match="isn't a file"):
        inspect(tmp_path / "pipe")


def test_looking_through_a_bundle_can_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        inspect(written(tmp_path, plugin()), stop=lambda: True)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ([entry(T + "plugin.yml")], "plugin.yml"),
        ([entry(T + "plugin.yaml")], "plugin.yaml"),
        ([folder(T + "Plugin.YML")], "plugin.yml"),
        ([entry("README.md")], "no plugin.json"),
        ([entry("._com.example.remind")], "no plugin.json"),
        ([entry(T + "PLUGIN.JSON")], "same name"),
        ([entry(T + "plugin.json", manifest())], "twice"),
    ],
)
def test_there_is_one_manifest_where_a_server_looks_for_it(tmp_path: Path, more: list[bytes], problem: str) -> None:
    assert problem in refusal(tmp_path, plugin(*more))


def test_a_manifest_somewhere_else_is_none(tmp_path: Path) -> None:
    assert "no plugin.json" in refusal(tmp_path, packed(entry("a/b/plugin.json", manifest())))
    assert "no plugin.json" in refusal(tmp_path, packed(entry("plugin.json/x", manifest())))
    assert "no plugin.json" in refusal(tmp_path, packed(entry("a/plugin.json", manifest()), entry("b/plugin.json")))
    assert "plugin.yaml" in refusal(tmp_path, packed(entry("a/plugin.yaml", b"id: x")))
    more = [entry("assets/plugin.json", b"not ours"), entry("webapp/plugin.json", b"{}")]
    assert look(tmp_path, plugin(*more, top="")).id == "com.example.remind"


def test_a_manifest_of_more_than_a_mebibyte_is_refused(tmp_path: Path) -> None:
    assert "larger than 1024 KiB" in refusal(tmp_path, plugin(description="x" * 2**20))


SETTING = {"key": "k", "display_name": "K", "type": "text", "help_text": "", "placeholder": "", "default": None}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": None}, "isn't valid"),
        ({"id": "ab"}, "isn't valid"),
        ({"id": "com.exämple.remind"}, "isn't valid"),
        ({"id": "com.example.remind\n"}, "invisible"),
        ({"id": "x" * 191}, "isn't valid"),
        ({"id": 12345}, "`id` in plugin.json isn't a text"),
        ({"ID": "com.example.other"}, "servers take it for `id`"),
        ({"\u017ferver": {}}, "servers take it for `server`"),
        ({"name": "  "}, "no `name`"),
        ({"name": "a\u202eb"}, "invisible"),
        ({"description": 5}, "`description`"),
        ({"homepage_url": "ftp://example.com"}, "homepage_url"),
        ({"homepage_url": "https://"}, "homepage_url"),
        ({"support_url": "http:///x"}, "support_url"),
        ({"support_url": "https://example.com:port/"}, "support_url"),
        ({"release_notes_url": "__PLUGIN_REPO_URL__/releases"}, "release_notes_url"),
        ({"release_notes_url": "https://example.com/%zz"}, "release_notes_url"),
        ({"version": "v1.2.3"}, "`version`"),
        ({"version": "1.2"}, "`version`"),
        ({"version": "01.2.3"}, "`version`"),
        ({"version": "1.2.\u0663"}, "`version`"),
        ({"version": "1.2.99999999999999999999"}, "`version`"),
        ({"min_server_version": "6"}, "`min_server_version`"),
        ({"server": []}, "`server` in plugin.json isn't an object"),
        ({"server": {}}, "without an executable"),
        ({"server": {"executables": {}}}, "without an executable"),
        ({"server": {"executables": {"linux-amd64": ""}}}, "without an executable"),
        ({"server": {"executables": {"linux-amd64": 7}}}, "isn't a text"),
        ({"server": {"executables": {"linux-amd64": "../x"}}}, "isn't a path in the bundle"),
        ({"server": {"executables": {"linux-amd64": "."}}}, "isn't a path in the bundle"),
        ({"server": {"executables": {"linux-amd64": "a\\b"}}}, "special characters"),
        ({"server": {"executables": {"linux-amd64": "missing"}}}, "`missing` as the executable for `linux-amd64`"),
        ({"server": {"executables": {"linux-amd64": "assets"}}}, "isn't in the bundle"),
        ({"server": {"executables": {"../x": "a"}}}, "a platform is such as"),
        ({"server": {"executables": {"osx-amd64": "a"}}}, "write `darwin-…`"),
        ({"server": {"executables": {"windows-amd64": "server/dist/plugin-linux-amd64"}}}, "end in `.exe`"),
        ({"server": {"executables": {f"a{n}-b{n}": "" for n in range(10, 60)}}}, "more than 32 platforms"),
        ({"server": {"Executables": {"linux-amd64": "x"}}}, "servers take it for"),
        ({"server": {"executable": "missing"}}, "`missing` as the server's executable"),
        ({"server": {"executables": {"linux-amd64": "plugin.json"}}}, "something else already"),
        ({"server": {"executables": {"linux-amd64": "webapp/dist/main.js"}}}, "something else already"),
        ({"server": {**MANIFEST["server"], "executable": "assets/icon.svg"}}, "something else already"),
        ({"webapp": {}}, "webapp.bundle_path"),
        ({"webapp": {"bundle_path": "../main.js"}}, "webapp.bundle_path"),
        ({"webapp": {"bundle_path": "webapp/dist/other.js"}}, "as the web part"),
        ({"settings_schema": {"settings": {}}}, "isn't a list of objects"),
        ({"settings_schema": {"settings": [None]}}, "isn't a list of objects"),
        ({"settings_schema": {"settings": [{**SETTING, "type": "colour"}]}}, "the type `colour`"),
        ({"settings_schema": {"settings": [{**SETTING, "regenerate_help_text": "x"}]}}, "regenerate_help_text"),
        ({"settings_schema": {"settings": [{**SETTING, "type": "bool", "placeholder": "x"}]}}, "placeholder"),
        ({"settings_schema": {"settings": [{**SETTING, "options": []}]}}, "options"),
        ({"settings_schema": {"settings": [{**SETTING, "type": "radio", "options": [{"value": "x"}]}]}}, "an option"),
        ({"settings_schema": {"settings": [{**SETTING, "type": "radio", "options": [None]}]}}, "list of objects"),
        ({"settings_schema": {"sections": [{"title": "x"}]}}, "no `key`"),
        ({"settings_schema": {"sections": [{"key": "x", "settings": [{"type": ""}]}]}}, "the type ``"),
        ({"props": []}, "`props`"),
    ],
)
def test_a_manifest_keeps_the_rules_of_a_server(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    assert problem in refusal(tmp_path, plugin(**changes))


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf{}",
        b'{"id": "com.example.remind", "id": "com.example.other", "name": "x"}',
        b'{"props": {"a": {"b": 1, "b": 2}}}',
        b'{"id": "com.example.remind", "name": "x", "props": {"a": NaN}}',
        b'{"id": "com.example.remind", "name": "x", "props": {"a": 1e999}}',
        b'{"id": "com.example.remind", "name": "x", "props": {"a": "\\udead"}}',
        b'{"id": "com.example.remind", "name": "x"} {}',
        b'{"id": "com.example.remind", "name": "x",}',
        b"[" * 100_000,
        b"\xff",
        b"",
        b"null",
        b"9" * 10_000,
    ],
)
def test_a_manifest_that_readers_would_read_differently_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "plugin.json" in refusal(tmp_path, packed(entry("plugin.json", data)))


@pytest.mark.skipif(not DATABASE.exists(), reason="no database of listed plugins here")
def test_the_manifests_of_all_listed_plugins_keep_the_rules() -> None:
    for listed in json.loads(DATABASE.read_bytes()):
        read = read_manifest(json.dumps(listed["manifest"]).encode())
        assert read.executables == listed["manifest"]["server"]["executables"]


def test_a_plugin_without_a_server_or_with_one_executable_is_one_bundle(tmp_path: Path) -> None:
    assert look(tmp_path, plugin(server=None)).executables == {}
    one = look(tmp_path, plugin(server={"executable": "./server//dist/plugin-linux-amd64"}))
    assert (one.executables, one.executable) == ({}, "server/dist/plugin-linux-amd64")
    old = look(tmp_path, plugin(server=None, backend={"executable": "server/dist/plugin-linux-amd64"}))
    assert old.executable == "server/dist/plugin-linux-amd64"
    assert "`backend`" in old.warnings[0]


def test_an_executable_that_may_not_be_executed_is_refused_where_it_matters(tmp_path: Path) -> None:
    for platform, leave_out in (
        ("linux-amd64", "server/dist/plugin-linux-amd64"),
        ("", "server/dist/plugin-linux-amd64"),
    ):
        server = {"executables": {platform: leave_out}} if platform else {"executable": leave_out}
        assert "may not be executed" in refusal(
            tmp_path, plugin(entry(T + leave_out), leave_out=leave_out, server=server)
        )
    windows = "server/dist/plugin-windows-amd64.exe"
    assert look(tmp_path, plugin(entry(T + windows), leave_out=windows))


def test_strange_icons_and_executables_are_warned_of(tmp_path: Path) -> None:
    def warned(data: bytes) -> str:
        return " ".join(look(tmp_path, data).warnings)

    icon = "assets/icon.svg"
    assert "isn't in the bundle" in warned(plugin(leave_out=icon))
    assert "no `icon_path`" in warned(plugin(icon_path=None))
    assert "isn't an SVG picture" in warned(plugin(entry(T + icon, b"\x89PNG"), leave_out=icon))
    assert "isn't an SVG picture" in warned(plugin(entry(T + icon, b"<!---->" * 5000), leave_out=icon))
    assert "isn't an SVG picture of at most" in warned(plugin(entry(T + icon, b"<svg>" * 2**17), leave_out=icon))
    assert "scripts" in warned(plugin(entry(T + icon, b"<svg onload='x'/>"), leave_out=icon))
    commented = b'<?xml version="1.0"?><!-- a > b --><!DOCTYPE svg PUBLIC "x">\n<svg:svg/>'
    assert look(tmp_path, plugin(entry(T + icon, commented), leave_out=icon)).warnings == ()
    assert "of no platform" in warned(plugin(entry(T + "server/dist/plugin-freebsd-amd64", mode=0o755)))
    assert "served to browsers" in warned(plugin(entry(T + "main.js"), webapp={"bundle_path": "./main.js"}))
    both = {"executables": {"linux-amd64": "server/dist/plugin-linux-amd64"}, "executable": "server/missing"}
    assert "server.executable" in warned(plugin(server=both))
    assert "neither" in warned(plugin(server=None, webapp=None))


@settings(deadline=None)
@given(st.data())
def test_a_bundle_with_any_byte_changed_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    blocks = bytearray(gzip.decompress(plugin(folder(T), pax(record("path", T + "long")), entry("x", b"data"))))
    for _ in range(data.draw(st.integers(1, 4))):
        blocks[data.draw(st.integers(0, len(blocks) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadBundle):
        look(tmp_path_factory.getbasetemp(), gzip.compress(blocks, 1))
