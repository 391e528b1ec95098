"""The waiting line: one question at a time, first come first served.

One thread asks; whoever waits holds a Job that tells its place and hands out the events. Knows
nothing of pages or of what is asked.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable

from chatbot.errors import ChatbotError
from chatbot.records import Event

MOST_WAITING = 64
"""Jobs that may wait; one more is refused at once."""

Work = Callable[[threading.Event], Iterable[Event]]
"""Given the job's stop flag, yields events. Never runs beside another."""


class LineFull(ChatbotError):
    """As many wait as may."""


class Job:
    """One place in the line."""

    def __init__(self, line: WaitingLine, work: Work) -> None:
        self.work = work
        self.stop = threading.Event()
        """Set it to end the work early; what was done so far still comes out."""
        self.ended = False
        """True when the last event has been taken."""
        self.events: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
        self._line = line

    @property
    def ahead(self) -> int:
        """How many jobs come first, the one at work included; 0 when it is its turn."""
        return self._line.ahead(self)

    def take(self, timeout_seconds: float) -> Event | None:
        """The next event, or None if there is none yet or no more (`ended`).

        Raises:
            Exception: what the work raised.
        """
        try:
            event = self.events.get(timeout=timeout_seconds)
        except queue.Empty:
            return None
        if event is None:
            self.ended = True
            return None
        if isinstance(event, Exception):
            self.ended = True
            raise event
        return event

    def leave(self) -> None:
        """Give the place up, waiting or at work; harmless when it has ended."""
        self.stop.set()
        self._line.remove(self)


class WaitingLine:
    """Does jobs one after the other in its own thread."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._jobs: deque[Job] = deque()
        self._at_work: Job | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._worker = threading.Thread(target=self._run, name="waiting-line", daemon=True)
        self._worker.start()

    def join(self, work: Work) -> Job:
        """Take a place at the end.

        Raises:
            LineFull: as many wait as may.
        """
        job = Job(self, work)
        with self._changed:
            if len(self._jobs) >= self._most:
                raise LineFull("Too many questions are waiting.", "Try again in a minute.")
            self._jobs.append(job)
            self._changed.notify()
        return job

    def ahead(self, job: Job) -> int:
        """How many come before a job."""
        with self._changed:
            if job not in self._jobs:
                return 0
            return self._jobs.index(job) + (self._at_work is not None)

    def remove(self, job: Job) -> None:
        """Take a waiting job out of the line; one at work ends by its stop flag."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
                job.events.put(None)

    def close(self) -> None:
        """End the job at work, drop the others, and end the thread."""
        with self._changed:
            self._closed = True
            for job in [*self._jobs, *([self._at_work] if self._at_work else [])]:
                job.stop.set()
            self._changed.notify()
        self._worker.join(timeout=10)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._at_work = None
                self._changed.wait_for(lambda: self._jobs or self._closed)
                if self._closed:
                    for waiting in self._jobs:
                        waiting.events.put(None)
                    return
                job = self._at_work = self._jobs.popleft()
            try:
                for event in job.work(job.stop):
                    job.events.put(event)
                job.events.put(None)
            except Exception as error:  # it belongs to the one who waits for it; the line goes on
                job.events.put(error)
