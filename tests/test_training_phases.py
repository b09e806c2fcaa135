"""Where the time goes adds up, and what takes long is named, with growing intervals."""

from tramp_jax.training.phases import Phases


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_phases_add_up_and_nest():
    clock = Clock()
    phases = Phases(print, 0, clock)
    clock.now = 2
    with phases("steps"):
        clock.now = 5
        with phases("data"):
            clock.now = 6
        clock.now = 10
    clock.now = 11
    assert phases.spent() == {"other": 3, "steps": 7, "data": 1}
    assert phases.summary(4, 2) == (
        "goodput 64% of 11.0 s for 4 steps; other 3.0 s, data 1.0 s; 2 steps done again that were lost before"
    )


def test_what_takes_long_is_named_ever_more_seldom():
    clock, said = Clock(), []
    phases = Phases(said.append, 0, clock)
    phases._patience = 10
    with phases("data", "the next batch of report"):
        for second in range(100):
            clock.now = second
            phases.check()
    assert said == [f"waiting for the next batch of report since {second} s" for second in (11, 23, 47, 95)]


def test_a_thread_watches():
    import threading

    seen = threading.Event()
    phases = Phases(lambda line: seen.set(), 0.05)
    assert seen.wait(5)
    phases.close()
