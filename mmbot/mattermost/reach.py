"""Whether a Mattermost server would call an address: it distrusts private ones and its own unless told otherwise."""

import asyncio
import ipaddress
import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit


async def lacking(callback_url: str, server_url: str, allowed: str) -> str:
    """The word that the setting AllowedUntrustedInternalConnections lacks for a callback address, "" for none.

    `allowed` is the setting as it stands. A host that is unknown here counts as public.
    """
    host = urlsplit(callback_url).hostname or ""
    addresses = await _addresses(host)
    own = await _addresses(urlsplit(server_url).hostname or "")
    # The server distrusts private addresses and its own.
    if not any(not address.is_global or address in own for address in addresses):
        return ""
    words = re.split(r"[\s,]+", allowed)
    networks = []
    for word in words:
        with suppress(ValueError):
            networks += [ipaddress.ip_network(word, strict=False)] if "/" in word else []
    covered = any(address in network for address in addresses for network in networks)
    return "" if host in words or covered else host


async def _addresses(host: str) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found}
