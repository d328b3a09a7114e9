"""Who asks too often is told when to ask again, and memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access import rates
from service.access.rates import Bucket, network_of
from service.access.roles import Role
from service.errors import Throttled
from tests.protocol.sample_directory import NOW
from tests.service.access_stand import AccessStand

pytestmark = pytest.mark.anyio


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[AccessStand]:
    made = AccessStand(
        tmp_path,
        rate_actor_per_second=0.5,
        rate_actor_burst=5,
        rate_address_per_second=1.0,
        rate_address_burst=20,
        rate_sign_in_per_minute=6.0,
        rate_sign_in_burst=3,
    )
    yield made
    made.close()


async def test_one_person_may_ask_so_often_and_another_is_not_kept_from_it(stand: AccessStand) -> None:
    officer = stand.as_(Role.CASE_OFFICER)
    for _ in range(5):
        assert (await officer.get("/v1/messages")).status_code == 200
    before = stand.tables()
    refused = await officer.post("/v1/cases")
    assert (refused.status_code, refused.json()["code"]) == (429, "request.too_many")
    assert refused.headers["retry-after"] == "2"
    assert stand.tables() == before
    assert (await stand.as_(Role.SUPERVISOR).get("/v1/messages")).status_code == 200
    stand.clock.pass_by(seconds=2)
    assert (await officer.get("/v1/messages")).status_code == 200
    assert (await officer.get("/v1/messages")).status_code == 429


async def test_a_person_has_one_limit_whatever_tokens_they_hold(stand: AccessStand) -> None:
    for number in range(6):
        answer = await stand.as_(Role.CASE_OFFICER, person="officer-1").get("/v1/messages")
        assert (answer.status_code == 429) is (number == 5)


async def test_an_address_has_a_limit_before_anything_is_verified(stand: AccessStand) -> None:
    guessing = stand.browser(Authorization="Bearer x.y.z")
    for _ in range(20):
        assert (await guessing.get("/v1/messages")).status_code == 401
    assert (await guessing.get("/v1/messages")).status_code == 429
    assert (await stand.browser(address="192.0.2.7").get("/v1/messages")).status_code == 401
    assert (await guessing.get("/livez")).status_code == 200


async def test_signing_in_is_tried_a_few_times_from_one_address(stand: AccessStand) -> None:
    never = f"/auth/invitation/{'A' * 43}"
    for _ in range(3):
        assert (await stand.browser().post(never)).status_code == 404
    # Looking at a link says nothing about it, and is no attempt: not even when there were too many.
    assert (await stand.browser().get(never)).status_code == 200
    for path in (never, "/oauth/token"):
        refused = await stand.browser().post(path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert (await stand.browser().get("/auth/login")).status_code == 429
    assert (await stand.browser(address="192.0.2.7").post(never)).status_code == 404
    stand.clock.pass_by(seconds=10)
    assert (await stand.browser().post(never)).status_code == 404


def test_memory_is_bounded_and_the_one_that_asked_longest_ago_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "REMEMBERED", 3)
    bucket = Bucket(per_second=0.001, burst=1)
    for name in ("a", "b", "c", "d"):
        bucket.take(name, NOW)
    assert len(bucket) == 3
    with pytest.raises(Throttled):
        bucket.take("d", NOW)
    bucket.take("a", NOW)


def test_a_subscriber_is_one_whatever_address_they_take() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of(None) == network_of("not an address") == "unknown"


def test_a_clock_that_was_set_back_lets_nobody_in_early_or_out_for_ever() -> None:
    bucket = Bucket(per_second=1, burst=1)
    bucket.take("a", NOW)
    with pytest.raises(Throttled):
        bucket.take("a", NOW - timedelta(hours=1))
    bucket.take("a", NOW - timedelta(hours=1) + timedelta(seconds=1))


@given(
    st.floats(0.1, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
def test_no_pattern_gets_more_than_burst_and_rate(per_second: float, burst: int, waits: list[float]) -> None:
    bucket, now, taken = Bucket(per_second=per_second, burst=burst), NOW, 0
    for wait in waits:
        now += timedelta(seconds=wait)
        try:
            bucket.take("a", now)
        except Throttled as refused:
            seconds = int(refused.facts["retry_after_seconds"])
            assert seconds >= 1
        else:
            taken += 1
    assert taken <= burst + per_second * (now - NOW).total_seconds() + 1e-6


def test_whoever_waits_as_long_as_they_were_told_is_served() -> None:
    bucket = Bucket(per_second=0.3, burst=1)
    bucket.take("a", NOW)
    with pytest.raises(Throttled) as refused:
        bucket.take("a", NOW)
    bucket.take("a", NOW + timedelta(seconds=int(refused.value.facts["retry_after_seconds"])))
