"""Where the time goes adds up, and what takes long is named, with growing intervals."""

from tramp_jax.training.phases import Phases


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_phases_nest_and_add_up_from_the_start_of_the_program():
    clock = Clock()
    clock.now = 3
    phases = Phases(print, 0, 1, clock)
    with phases("restore"):
        clock.now = 5
    clock.now = 6
    phases.start_loop()
    clock.now = 8
    with phases("steps"):
        clock.now = 11
        with phases("data"):
            clock.now = 12
        clock.now = 17
    clock.now = 21
    assert phases.spent() == {"start-up": 3, "restore": 2, "other": 6, "steps": 8, "data": 1}


def test_steps_that_make_up_for_lost_ones_are_no_good():
    clock = Clock()
    phases = Phases(print, 0, None, clock)
    clock.now = 2
    phases.start_loop()
    with phases("steps"):
        clock.now = 10
    where = "steps 8.0 s, start-up 2.0 s"
    assert phases.summary(4, 4, 0) == f"goodput 80% of 10.0 s for 4 steps: {where}"
    assert phases.summary(3, 4, 1) == f"goodput 60% of 10.0 s for 3 steps: {where}; of the steps 2.0 s for 1 that were lost"


def test_what_takes_long_is_named_ever_more_seldom():
    clock, said = Clock(), []
    phases = Phases(said.append, 0, None, clock)
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
