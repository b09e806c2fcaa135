"""Memory for large arrays that is used again once nobody holds the array, instead of going back to the system.

A batch of video frames is tens of megabytes. Asking the system for so much costs a page fault for every 4 kB, a tenth of the
time that decoding into it takes.
"""

from __future__ import annotations

import collections
import weakref

import numpy as np


class RecycledMemory:
    """Gives arrays; safe to share between threads.

    An array's memory is free again when neither it nor a view of it is held any longer: views keep the array that they were
    made of, and so does JAX as long as it reads from it.
    """

    def __init__(self) -> None:
        self._free: dict[int, collections.deque[np.ndarray]] = collections.defaultdict(collections.deque)

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """A uint8 array with anything in it."""
        size = int(np.prod(shape))
        try:
            memory = self._free[size].pop()
        except IndexError:
            memory = np.empty(max(size, 1), np.uint8)  # NumPy asks for large pages
        # Of a memoryview, which ends the chain of what views hold: views of `memory` itself would hold only that.
        array = np.frombuffer(memoryview(memory), np.uint8, size)
        weakref.finalize(array, self._free[size].append, memory).atexit = False
        return array.reshape(shape)
