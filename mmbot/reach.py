"""Which hosts the bot may be sent to by an address that somebody gave: those of the public internet."""

import asyncio
import ipaddress
import os
import socket

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class NotPublic(Exception):  # noqa: N818 - it reads as what it is
    """The host leads into a private network; the message is a sentence for whoever gave the address."""


class NoSuchHost(Exception):  # noqa: N818 - likewise
    """The host's name isn't known just now; the message is a sentence."""


async def require_public(host: str) -> None:
    """Refuse a host of which any address isn't public. Raises NotPublic and NoSuchHost.

    The check of the certificate keeps a name that changes its address in between from being served by somebody else.
    """
    if behind_proxy():
        return
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NoSuchHost(f"I can't find the host {host}.") from None
    if not all(is_public(str(address[4][0])) for address in found):
        raise NotPublic(f"{host} isn't on the public internet.")


def behind_proxy() -> bool:
    """Tell whether https goes through a proxy: then that looks the names up, and decides."""
    return bool(os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY"))


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, and so the IPv4 address that stands in it, if any."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    addresses = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour or (ipaddress.IPv4Address(int(ip) % 2**32) if ip in _NAT64 else None)
        addresses = [inside] if ip.ipv4_mapped and inside else [ip, inside] if inside else [ip]
    return all(one.is_global and not one.is_multicast for one in addresses)
