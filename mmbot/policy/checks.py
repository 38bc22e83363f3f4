"""The mistakes of a policy that show only between one table and another."""

from collections.abc import Collection, Iterator, Mapping

from mmbot.policy.tables import Item, Policy, Role, suggestion


def cross_checked(policy: Policy) -> Iterator[str]:
    """The mistakes that show only between one table and another."""
    for gate in policy.gates.values():
        yield from (f"gates.{gate.name}.roles: {what}" for what in _wrong_names("role", gate.roles, policy.roles))
    yield from _wrong_times(policy)
    if policy.current not in policy.requirements:
        yield f"current: there are no requirements {policy.current}{suggestion(policy.current, policy.requirements)}"
    for version, requirements in policy.requirements.items():
        place = f"requirements.{version}"
        for item in requirements.items.values():
            yield from (f"{place}.items.{item.handle}.{what}" for what in _wrong_role(item, policy.roles))
        if "S1" in requirements.items and requirements.items["S1"].na:
            yield f"{place}.items.S1.na: whether a plugin can be exploited is always applicable"
        yield from (f"{place}.items.{what}" for what in _ambiguous(requirements.items.values()))
        for track in requirements.tracks.values():
            at = f"{place}.tracks.{track.name}"
            yield from (f"{at}.items: {what}" for what in _wrong_names("item", track.items, requirements.items))
            yield from (f"{at}.steps: {what}" for what in _wrong_names("step", track.steps, policy.steps))
            if "review-gate" not in track.steps:
                yield f"{at}.steps: review-gate is missing: without it nothing would be judged"
            if "listing-gate" in track.steps and "listing" not in policy.gates:
                yield f"{at}.steps: listing-gate needs the roles of [gates.listing]"


def _wrong_times(policy: Policy) -> Iterator[str]:
    yield from (f"takedown.team: {what}" for what in _wrong_names("role", [policy.takedown.team], policy.roles))
    if policy.hours.begin >= policy.hours.end:
        yield "hours.end: should come after hours.begin"
    if list(policy.takedown.left) != sorted({*policy.takedown.left}, reverse=True):
        yield "takedown.left: should go down, each number once"
    if list(policy.remind.submitter) != sorted({*policy.remind.submitter}):
        yield "remind.submitter: should go up, each number once"


def _wrong_role(item: Item, roles: Mapping[str, Role]) -> Iterator[str]:
    for key, role in (("role", item.role), ("role_if_enabled", item.role_if_enabled)):
        if role is not None and role not in roles:
            yield f"{key}: there is no role {role}{suggestion(role, roles)}"
    role = final_role(item, roles)
    if role in roles and not roles[role].enabled:
        yield f"role: {role} is not enabled, so nobody could judge this item"


def _wrong_names(noun: str, names: Collection[str], known: Collection[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if name not in known:
            yield f"there is no {noun} {name}{suggestion(name, known)}"
        if list(names).count(name) > 1:
            yield f"{name} stands here more than once"


def _ambiguous(items: Collection[Item]) -> Iterator[str]:
    """Phrases that would recognise two items in one line, or none ever."""
    phrases = [(item.handle, phrase) for item in items for phrase in item.recognise]
    for handle, phrase in phrases:
        if phrase != " ".join(phrase.lower().split()):
            yield f"{handle}.recognise: {phrase!r} should be in lower case, with single spaces"
        for other, longer in phrases:
            if other != handle and phrase in longer:
                yield f"{handle}.recognise: {phrase!r} is also found in {longer!r} of {other}"


def final_role(item: Item, roles: Mapping[str, Role]) -> str:
    """The role that judges an item here."""
    other = roles.get(item.role_if_enabled or "")
    return other.name if other and other.enabled else item.role
