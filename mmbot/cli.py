"""The command line of whoever operates the bot."""

import asyncio
import logging
import os
import re
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import click

from mmbot import __version__
from mmbot.generator import generator

FAILED = 1
T = TypeVar("T")
CONFIG = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path),
    default=Path("config.toml"),
    show_default=True,
    help="The configuration file.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Run the review process of the Mattermost plugin Marketplace inside Mattermost."""


main.add_command(generator)


@main.command()
@CONFIG
@click.option("--verbose", is_flag=True, help="Log more.")
def run(config: Path, *, verbose: bool) -> None:
    """Connect to the server and work until stopped."""
    from mmbot.catalogue import CatalogueError  # noqa: PLC0415 -- help and errors of the command line need none of this
    from mmbot.config import ConfigError  # noqa: PLC0415
    from mmbot.mattermost.client import RestError  # noqa: PLC0415
    from mmbot.mattermost.stream import TokenRejected  # noqa: PLC0415
    from mmbot.run import run as run_bot  # noqa: PLC0415
    from mmbot.store.database import StoreTooNew  # noqa: PLC0415
    from mmbot.store.failing import StoreFails  # noqa: PLC0415
    from mmbot.store.lock import StoreBusy  # noqa: PLC0415

    _log(verbose=verbose)
    settings = _config(config)
    why = ""
    try:
        asyncio.run(run_bot(settings))
    except* (CatalogueError, ConfigError, StoreBusy, StoreTooNew) as group:
        why = str(group.exceptions[0])
    except* StoreFails as group:
        why = f"store.path: {settings.store.path} cannot be written: {group.exceptions[0]}."
    except* TokenRejected as group:
        said = str(group.exceptions[0]).rstrip(".")
        why = (
            f"The Mattermost server at {settings.mattermost.url} does not accept the bot's token any more ({said}), so nobody is heard or "
            "answered. `mmbot doctor` says how to mend it; then start mmbot again: what was written meanwhile is not lost."
        )
    except* RestError as group:
        why = f"The Mattermost server at {settings.mattermost.url} refused: {group.exceptions[0]}. `mmbot doctor` says more."
    except* (KeyboardInterrupt, asyncio.CancelledError):
        pass
    if why:  # leaving from within `except*` would end in a traceback
        _fail(why)


@main.command()
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="A SQLite file to keep; without one, a new file that is thrown away in the end.",
)
@click.option("--empty", is_flag=True, help="Start without the example tickets.")
def console(store: Path | None, *, empty: bool) -> None:
    """Try the bot in this terminal, without a server; a script on standard input is played and its transcript printed."""
    from mmbot.store.database import StoreTooNew, StoreUnusable  # noqa: PLC0415
    from mmbot.store.failing import StoreFails  # noqa: PLC0415
    from mmbot.store.lock import StoreBusy  # noqa: PLC0415
    from mmbot.terminal import play  # noqa: PLC0415

    _log(verbose=False)
    try:
        asyncio.run(play(store, sys.stdin, empty=empty))
    except (StoreBusy, StoreTooNew, StoreUnusable) as error:
        _fail(str(error))
    except StoreFails as error:
        _fail(f"{store or 'The store'} fails: {error}. What was done before is kept.")


@main.command()
@click.option("--url", prompt="Address of the Mattermost server", help="The server's address, as a browser uses it.")
@click.option("--admin", prompt="Name of an admin's account", help="The admin who makes the bot's account.")
@click.option("--password", envvar="MMBOT_ADMIN_PASSWORD", help="That admin's password; asked for when it is missing.")
@click.option("--token", envvar="MMBOT_ADMIN_TOKEN", help="An access token of that admin in place of the password.")
@click.option("--team", prompt="Team", help="The team's name, as in addresses.")
@click.option(
    "--channel", default="plugins-marketplace", show_default=True, prompt=True, help="The channel for the tickets."
)
@click.option(
    "--security-channel",
    help='The security team\'s private channel; "" for none.  [default: what the configuration names, or marketplace-security]',
)
@click.option("--trigger", default="mb", show_default=True, help="The slash command's word.")
@click.option("--bot-name", default="mmbot", show_default=True, help="The user name of the bot's account.")
@click.option("--listen-host", default="127.0.0.1", show_default=True, help="Where mmbot listens.")
@click.option("--listen-port", default=8066, show_default=True, help="The port on which it listens.")
@click.option(
    "--callback-url", default="http://127.0.0.1:8066", show_default=True, help="How the server reaches mmbot."
)
@click.option("--take-over", is_flag=True, help="Let the slash command point here though it points elsewhere.")
@CONFIG
def setup(**given: Any) -> None:  # noqa: ANN401 -- the options above
    """Make the bot's account, its place and its slash command on a server, and write the configuration."""
    from mmbot.setup import SetupFailed, Wishes, set_up  # noqa: PLC0415

    password, token = given.pop("password"), given.pop("token")
    if not password and not token:
        password = click.prompt("Password", hide_input=True)
    wishes = Wishes(admin_user=given.pop("admin"), admin_password=password or "", admin_token=token or "", **given)
    try:
        asyncio.run(set_up(wishes, click.echo))
    except SetupFailed as failed:
        _fail(str(failed))


@main.command()
@CONFIG
def doctor(config: Path) -> None:
    """Look at the configuration, the server and the way between them, and say how to mend what is wrong."""
    from rich.console import Console  # noqa: PLC0415

    from mmbot.doctor import examine  # noqa: PLC0415

    settings = _config(config)
    screen = Console(highlight=False, soft_wrap=True)
    faults = 0
    for found in _wait(examine(settings, config)):
        mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}[found.ok]
        screen.print(f"{mark} [bold]{found.name}[/]: ", end="")
        screen.print(found.text, markup=False)
        if found.mend:
            screen.print(f"  → {found.mend}", markup=False)
        faults += found.ok is False
    if faults:
        sys.exit(FAILED)


@main.command()
@CONFIG
@click.option("--by", required=True, help="User name of the submitter.")
@click.argument("file", type=click.File("r", encoding="utf-8"))
def intake(config: Path, by: str, file: Any) -> None:  # noqa: ANN401 -- a text file
    """Hand in a filled-in issue template for somebody, through the running bot. FILE may be - for standard input."""
    from mmbot.office import ask  # noqa: PLC0415

    place = _config(config).store.path
    try:
        text = file.read()
    except UnicodeDecodeError:
        _fail(f"{file.name}: this is no text in UTF-8")
    _office(lambda: ask(place, "intake", {"by": by.lstrip("@"), "text": text}))


@main.command("export")
@CONFIG
@click.option(
    "--format",
    "form",
    type=click.Choice(["md", "json"]),
    default="md",
    show_default=True,
    help="For people or for programs.",
)
@click.option("--confidential", is_flag=True, help="With what confidential roles wrote, too.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file to write, for its owner alone."
)
@click.argument("ticket")
def export_(config: Path, form: Literal["md", "json"], ticket: str, output: Path | None, *, confidential: bool) -> None:
    """Write the whole file of a TICKET, such as MB-7: what it is, who decided what when and why, and all that happened."""
    from mmbot import policy  # noqa: PLC0415
    from mmbot.export import ExportFailed, export  # noqa: PLC0415

    found = re.fullmatch(r"(?:mb-?|#)?(\d{1,9})", ticket, re.IGNORECASE | re.ASCII)
    if not found:
        _fail(f"{ticket} is no ticket: a ticket is called MB-7.")
    settings = _config(config)
    try:
        rules = policy.load(settings.sources.policy)
        text = export(settings.store.path, rules, int(found.group(1)), form, confidential=confidential)
        if output is None:
            click.echo(text, nl=False)
            return
        with open(os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 -- a descriptor
            file.write(text)
    except ExportFailed as failed:
        _fail(str(failed))
    except OSError as error:
        _fail(f"{output}: {error.strerror}.")


@main.group("outbox", invoke_without_command=True)
@CONFIG
@click.option("--parked", is_flag=True, help="Only what was given up.")
@click.pass_context
def outbox_(context: click.Context, config: Path, *, parked: bool) -> None:
    """List what is not sent yet, or was given up, with the reason."""
    from mmbot import clock  # noqa: PLC0415
    from mmbot.waiting import ListingFailed, listing  # noqa: PLC0415

    if context.invoked_subcommand:
        return
    try:
        click.echo(listing(_config(config).store.path, clock.now(), parked=parked))
    except ListingFailed as failed:
        _fail(str(failed))


@outbox_.command("retry")
@CONFIG
@click.argument("which", metavar="ID|all")
def outbox_retry(config: Path, which: str) -> None:
    """Have the running bot take up again what was given up: one row by its number, or all."""
    from mmbot.office import ask  # noqa: PLC0415

    if which != "all" and not re.fullmatch(r"\d{1,18}", which, re.ASCII):
        _fail(f"{which} is no row: name one by its number, which `mmbot outbox --parked` shows, or say all.")
    _office(lambda: ask(_config(config).store.path, "retry", {"which": which}))


@main.command()
@CONFIG
@click.argument("file", required=False, type=click.Path(path_type=Path))
def backup(config: Path, file: Path | None) -> None:
    """Copy the store to FILE and verify the copy; the bot may run. Without FILE, or for a folder, it gets a name with the time."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from mmbot.store.backup import BackupFailed, back_up, name_of  # noqa: PLC0415

    settings = _config(config)
    place = file or settings.backups
    if file is None or file.is_dir():
        place = place / name_of(settings.store.path, datetime.now(UTC))
    try:
        made = back_up(settings.store.path, place)
    except BackupFailed as failed:
        _fail(str(failed))
    click.echo(
        f"{made.path}: {made.tickets} tickets with {made.facts} facts, {made.size:,} bytes. The copy was opened and is sound."
    )


@main.command()
@CONFIG
@click.argument("file", type=click.Path(path_type=Path))
def restore(config: Path, file: Path) -> None:
    """Put the backup FILE in the store's place, while the bot does not run. The store that was there is kept beside it."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from mmbot.store.backup import BackupFailed  # noqa: PLC0415
    from mmbot.store.backup import restore as put_back  # noqa: PLC0415

    store = _config(config).store.path
    try:
        found, kept = put_back(file, store, datetime.now(UTC))
    except BackupFailed as failed:
        _fail(str(failed))
    click.echo(f"{store} holds {found.tickets} tickets with {found.facts} facts now, from {file}.")
    if kept:
        click.echo(f"The store that was there is {kept}.")


@main.group()
def catalogue() -> None:
    """The Marketplace's list of plugins."""


@catalogue.command("sync")
@CONFIG
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def catalogue_sync(config: Path, file: Path) -> None:
    """Let the running bot read the Marketplace's database FILE (plugins.json)."""
    from mmbot.office import ask  # noqa: PLC0415

    _office(lambda: ask(_config(config).store.path, "catalogue", {"file": str(file.resolve())}))


def _office(call: Callable[[], Coroutine[Any, Any, str]]) -> None:
    from mmbot.office import OfficeClosed  # noqa: PLC0415

    try:
        click.echo(_wait(call()))
    except OfficeClosed as closed:
        _fail(str(closed))


def _wait(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _config(path: Path) -> Any:  # noqa: ANN401 -- a Config, whose module is imported late
    from mmbot import policy  # noqa: PLC0415
    from mmbot.config import ConfigError, load  # noqa: PLC0415

    try:
        config = load(path)
        return load(path, tuple(policy.load(config.sources.policy).roles))
    except (ConfigError, policy.PolicyError) as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(FAILED)


def _log(*, verbose: bool) -> None:
    import structlog  # noqa: PLC0415 -- as above

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
            structlog.processors.StackInfoRenderer(),
            # The usual tracebacks show the values of variables, and so tokens and what is confidential.
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
