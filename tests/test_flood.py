"""More than a person can ask for, as a rule: of any minute so much is taken, and a refusal is said once."""

from hypothesis import example, given
from hypothesis import strategies as st

from mmbot.domain.flood import MOST, WINDOW, Asked, ask, over

NOON = 1_794_225_600_000
MINUTE = 60_000


@given(st.lists(st.integers(0, 5 * MINUTE) | st.integers(0, MINUTE // 4), max_size=60), st.integers(2, 12))
@example([0] * 20, 2)
def test_of_any_minute_no_more_is_taken_than_may_be_and_a_refusal_is_said_once(pauses: list[int], most: int) -> None:
    asked, at, taken = Asked(), NOON, list[int]()
    said = list[tuple[int, int]]()
    for pause in pauses:
        at += pause
        before = asked
        asked, answer = ask(asked, at, most)
        if answer == "take":
            taken.append(at)
            assert sum(at - WINDOW < x <= at for x in taken) <= most
        elif answer == "say no":
            assert sum(at - WINDOW < x <= at for x in taken) == most
            assert WINDOW <= asked.until - at < 2 * WINDOW
            assert asked.until % MINUTE == 0
            assert not said or at >= said[-1][1]
            said.append((at, asked.until))
        else:
            assert asked == before
            assert said[-1][0] <= at < said[-1][1]
        assert len(asked.moments) <= most
    assert over(asked, max(asked.until, at + WINDOW))


@given(st.lists(st.integers(0, 3 * 3_600_000), max_size=40, unique=True))
def test_what_was_written_while_nobody_listened_is_no_flood_in_whatever_order_it_comes(moments: list[int]) -> None:
    spaced = {x // (2 * MINUTE): x for x in moments}
    asked = Asked()
    for at in spaced.values():
        asked, answer = ask(asked, NOON + at, 3)
        assert answer == "take"


def test_a_reviewer_who_judges_fifteen_items_in_half_a_minute_is_not_stopped() -> None:
    asked = Asked()
    for minute in range(5):
        for item in range(30):
            asked, answer = ask(asked, NOON + minute * MINUTE + item * 2_000)
            assert answer == "take"
    assert MOST >= 60
