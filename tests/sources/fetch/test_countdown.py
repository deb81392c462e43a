import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proxyfeed.sources.fetch.countdown import Countdown


class StandingClock(asyncio.SelectorEventLoop):
    """
    An event loop whose time passes only when it is told to.
    """

    now = 0.0

    def time(self) -> float:
        return self.now

    async def passes(self, seconds: float) -> None:
        self.now += seconds
        # One turn for the timer to fire, one for it to reach the task.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def run(story: Callable[[StandingClock], Awaitable[None]]) -> None:
    loop = StandingClock()

    async def told() -> None:
        await story(loop)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(told())


def test_silence_beyond_patience_ends_the_block() -> None:
    async def story(loop: StandingClock) -> None:
        async with Countdown(10, 3):
            await loop.passes(2.9)
            with pytest.raises(asyncio.CancelledError):
                await loop.passes(0.2)
            raise asyncio.CancelledError

    with pytest.raises(TimeoutError):
        run(story)


def test_what_is_heard_gives_patience_anew() -> None:
    async def story(loop: StandingClock) -> None:
        async with Countdown(10, 3) as countdown:
            for _ in range(4):
                await loop.passes(2.4)
                countdown.heard()
            assert countdown.elapsed == pytest.approx(9.6)

    run(story)


def test_nothing_heard_moves_the_end() -> None:
    async def story(loop: StandingClock) -> None:
        async with Countdown(10, 3) as countdown:
            for _ in range(5):
                await loop.passes(2.4)
                countdown.heard()

    with pytest.raises(TimeoutError):
        run(story)


def test_what_is_heard_too_late_is_harmless() -> None:
    async def story(loop: StandingClock) -> None:
        async with Countdown(10, 3) as countdown:
            try:
                await loop.passes(4)
            finally:
                countdown.heard()

    with pytest.raises(TimeoutError):
        run(story)


def test_an_error_of_the_block_stays_what_it_is() -> None:
    async def story(loop: StandingClock) -> None:
        async with Countdown(10, 3):
            raise LookupError

    with pytest.raises(LookupError):
        run(story)
