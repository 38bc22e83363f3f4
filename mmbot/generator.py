"""`mmbot generator`: change the Marketplace's plugins.json on disk, as its own generator does, and look before."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:  # help and errors of the command line need none of this
    from mmbot.domain.entry import Marks
    from mmbot.generating import Place

STORE = "https://plugins.releases.mattermost.com/release"
_AUTHORS: dict[str, Literal["mattermost", "partner", "community"]] = {
    "official": "mattermost",
    "partner": "partner",
    "community": "community",
}
F = TypeVar("F", bound=Callable[..., Any])


def _places(command: F) -> F:
    """The options of every command here; those of the database may stand before the command, too."""
    for option in reversed(
        [
            click.option("--database", "--file", "file", metavar="FILE", help="The database.  [default: plugins.json]"),
            click.option("--dry-run", "dry", is_flag=True, help="Say what would change, and change nothing."),
            click.option(
                "--patch", metavar="FILE", default="", help="Write the change to FILE as a patch (- for here)."
            ),
            click.option("--debug", is_flag=True, hidden=True, expose_value=False),
            click.option("--yes", "-y", is_flag=True, help="Go on where a question is asked."),
        ]
    ):
        command = option(command)
    return command


@click.group()
@click.option("--database", "--file", "file", default="plugins.json", show_default=True, help="The database to change.")
@click.option(
    "--remote-plugin-store", "store", default=STORE, show_default=True, help="Where everybody finds the bundles."
)
@click.option(
    "--debug",
    is_flag=True,
    hidden=True,
    expose_value=False,
    help="Taken, as the original takes it; there is nothing more to say.",
)
@click.pass_context
def generator(context: click.Context, /, **given: Any) -> None:  # noqa: ANN401 -- the options above
    """Put releases into the Marketplace's plugins.json, take them out, or restrict them. Needs no running bot."""
    context.obj = given


@generator.command()
@click.argument("repo")
@click.argument("tag")
@click.option("--official", is_flag=True, help="Maintained by Mattermost.")
@click.option("--partner", is_flag=True, help="Maintained by a partner of Mattermost.")
@click.option("--community", is_flag=True, help="Maintained by the community.")
@click.option("--beta", is_flag=True, help="A Beta release: servers from 5.20 on are shown it.")
@click.option("--experimental", is_flag=True, help="An experimental release.")
@click.option("--cloud", is_flag=True, help="Only for the cloud.")
@click.option("--on-prem", is_flag=True, help="Only on-premises.")
@click.option("--enterprise", is_flag=True, help="Only with a licence for it.")
@click.option(
    "--from", "source", default="", help="Where the cut artifacts are: a folder or an address.  [default: the store]"
)
@click.option("--remote-plugin-store", "store", default="", help="Where everybody finds the bundles.")
@_places
@click.pass_context
def add(context: click.Context, /, repo: str, tag: str, source: str, **given: Any) -> None:  # noqa: ANN401 -- the options
    """Add the release that was cut under TAG of REPO (its name without the organisation), such as v1.2.3."""
    from mmbot import generating  # noqa: PLC0415 -- as above

    marks, store = _marks(given), given["store"] or context.obj["store"]
    generating.add(_place(context, given), marks, repo, tag, store=store, source=source or store)


def _version(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    """A version, "" for all of them: an empty one is a variable that a script forgot to set."""
    if value == "":
        raise click.BadParameter("It is empty. Leave it out where all versions are meant.")
    return value or ""


@generator.command()
@click.argument("plugin_id", metavar="ID")
@click.argument("version", required=False, callback=_version)
@_places
@click.pass_context
def remove(context: click.Context, /, plugin_id: str, version: str, **given: Any) -> None:  # noqa: ANN401 -- the options
    """Take the plugin ID out, or one VERSION of it."""
    from mmbot import generating  # noqa: PLC0415 -- as above

    generating.remove(_place(context, given), plugin_id, version)


@generator.command()
@click.argument("plugin_id", metavar="ID")
@click.argument("version", required=False, callback=_version)
@click.option(
    "--min-server-version", "server", default="", help="Show it to servers from this version on; never lowered."
)
@click.option("--on-prem", is_flag=True, help="Show it on-premises only.")
@_places
@click.pass_context
def restrict(context: click.Context, /, plugin_id: str, version: str, **given: Any) -> None:  # noqa: ANN401 -- the options
    """Show the plugin ID, or one VERSION of it, to fewer servers."""
    server, on_prem = given["server"], given["on_prem"]
    if not server and not on_prem:
        raise click.UsageError("Restrict it to what? Give --min-server-version X.Y.Z, --on-prem, or both.")
    from mmbot import generating  # noqa: PLC0415 -- as above

    generating.restrict(_place(context, given), plugin_id, version, server=server, on_prem=on_prem)


def _marks(given: dict[str, Any]) -> "Marks":
    from mmbot.domain.entry import Marks  # noqa: PLC0415 -- as above

    authors = [name for key, name in _AUTHORS.items() if given[key]]
    if len(authors) != 1:
        raise click.UsageError("Who maintains it? Give one of --official, --partner and --community.")
    for one, other, way in (("beta", "experimental", ""), ("cloud", "on_prem", "; for both, give neither")):
        if given[one] and given[other]:
            raise click.UsageError(f"Give --{one} or --{other.replace('_', '-')}, not both{way}.")
    return Marks(
        authors[0],
        "beta" if given["beta"] else "experimental" if given["experimental"] else "production",
        "cloud" if given["cloud"] else "on-prem" if given["on_prem"] else "",
        given["enterprise"],
    )


def _place(context: click.Context, given: dict[str, Any]) -> "Place":
    from mmbot.generating import Place  # noqa: PLC0415 -- as above

    return Place(Path(given["file"] or context.obj["file"]), given["dry"], given["patch"], given["yes"])
