"""What a row of the catalogue of misbehaving upstreams says, and how it is tried.

The problem: whatever an upstream does wrong, its proxy must not make a lie of it: a client gets a good response, an error
that says what happened, or a response that is visibly cut; and what the upstream spoilt is not used again. So each Case
has the scripts of the upstream's connections, what the client asks, what each Outcome must be, and what the upstream must
have seen. After that a good request follows ("next"): it must get its own response, on the same connection if `reused`.
"""

import dataclasses
import time

from asking import Ask, Asker, Outcome
from scripted_upstream import ScriptedUpstream

ANYTHING = ("anything",)  # for Case.seen
GET = Ask()
POST = Ask("POST", content=b"posted content")


@dataclasses.dataclass(frozen=True)
class Expect:
    """What a client must see. `errors` are the words for Proxy-Status in a response of the proxy's own, any of them; none:
    the response is the upstream's. `content` is all of it, or of a cut response its beginning. `interims` None: whichever."""

    statuses: tuple
    errors: tuple = ()
    content: bytes | None = None
    whole: bool = True
    interims: tuple | None = ()
    fields: tuple = ()  # (name, [values]); none: the field must not be there
    trailers: tuple | None = ()

    @property
    def fails(self) -> bool:
        """In every case: the log must say why."""
        return not self.whole or bool(self.errors and min(self.statuses) >= 500)

    def check(self, outcome: Outcome):
        assert outcome.status in self.statuses, f"{outcome}, expected {self}"
        assert outcome.whole == self.whole, f"{outcome}, expected {self}"
        if self.errors and outcome.status >= 500:
            assert outcome.error in self.errors, f"{outcome}, expected {self}"
        else:
            assert outcome.error is None, f"{outcome}, expected {self}"
        self._check_content(outcome)
        for name, values in self.fields:
            assert outcome.all(name) == list(values), f"{name}: {outcome}"
        if self.interims is not None:
            assert tuple(one.status for one in outcome.interims) == self.interims, f"{outcome.interims}"
        if self.trailers is not None:
            assert tuple((name.lower(), value) for name, value in outcome.trailers) == self.trailers, f"{outcome.trailers}"

    def _check_content(self, outcome):
        if self.content is None:
            return
        if self.whole:
            assert outcome.content == self.content, f"{outcome}, expected {self}"
        else:
            assert self.content.startswith(outcome.content), f"{outcome}, expected a beginning of {self.content!r}"


def good(content=b"", status=200, **more) -> Expect:
    return Expect((status,), content=content, **more)


def failed(*errors, status=502, **more) -> Expect:
    """A response of the proxy's own."""
    return Expect((status,), errors, **more)


def cut(most=None, status=200, **more) -> Expect:
    """The head came; of the content (whose beginning is `most`) not all did, and the client can see that."""
    return Expect((status,), content=most, whole=False, **more)


@dataclasses.dataclass(frozen=True)
class Case:
    """`reused`: whether the next request comes on the connection of the last; None: either will do. `seen` are the requests
    that reach the upstream before it, by default each once; `connections` the connections made, by default as follows from
    `reused`. Between requests `gap` seconds pass; before it reads a response the client waits `slow` seconds. `next` False:
    this upstream never gets well. A connection that is not `reused` must come to its end."""

    name: str
    scripts: tuple = ()
    asks: tuple = ()  # (Ask, Expect)
    reused: bool | None = False
    seen: tuple | None = None
    connections: int | None = None
    gap: float = 0.0
    slow: float = 0.0
    next: bool = True
    listening: bool = True
    receive_buffer: int | None = None  # the client's
    upstream_buffer: int | None = None
    patient: bool = False  # takes seconds
    upstream_check: object = None  # a function of the upstream, for what is peculiar to the case
    h2: bool = False    # the upstream's version; in clear text by prior knowledge
    tls: object = None  # for TLS: a function of the Authority that gives the server's context

    def requests(self, prefix) -> list:
        seen = [f"{ask.method} {ask.target}" for ask, _ in self.asks] if self.seen is None else self.seen
        return [one.replace(" ", f" {prefix}", 1) for one in seen]


def case(name, *scripts, ask=GET, expect=None, asks=(), **more) -> Case:
    """`expect` is for the one `ask`; else `asks` are pairs."""
    return Case(name, tuple(tuple(one) for one in scripts), asks or ((ask, expect),), **more)


def patient(one: Case) -> Case:
    return dataclasses.replace(one, patient=True)


class Trial:
    """One run of a case through a proxy of so many workers. `connect` makes a client."""

    def __init__(self, one: Case, upstream: ScriptedUpstream, connect, workers):
        self.case = one
        self._workers = workers
        self.upstream = upstream
        self.prefix = f"/{one.name}/"
        self._asker = Asker(lambda: connect(one.receive_buffer), upstream.client_saw)

    def _ask(self, ask, slow=0.0) -> Outcome:
        return self._asker.ask(ask, self.prefix + ask.target, slow)

    def run(self):
        with self._asker:
            for ask, expect in self.case.asks:
                expect.check(self._ask(ask, self.case.slow))
                time.sleep(self.case.gap)
            if self.case.seen != ANYTHING:
                assert self.upstream.seen() == self.case.requests(self.prefix)
            if self.case.next:
                self._ask_next()
            self._check_connections()

    @property
    def _reused(self) -> bool | None:
        """Connections are a worker's own, and a client that had to come again may have got to another."""
        return None if self.case.reused and self._workers > 1 and self._asker.made > 1 else self.case.reused

    def _ask_next(self):
        target = f"{self.prefix}next"
        if self.case.seen == ANYTHING and self.case.reused is False:
            # What was sent may not have been read yet, though it was answered.
            first = self.upstream.connections[:]
            self.upstream.wait(lambda: all(one.over for one in first), "the end of the first connections")
        before = len(self.upstream.seen())
        last = self.upstream.requests[-1].connection if before else None
        good(f"honest GET {target}".encode(), fields=(("content-type", ["text/plain"]),)).check(self._ask(Ask(target="next")))
        assert self.upstream.seen()[before:] == [f"GET {target}"]
        if self._reused is not None:
            on_the_same = self.upstream.requests[-1].connection == last
            assert on_the_same == self._reused, "the connection was used again" if on_the_same else "it was not"

    def _check_connections(self):
        one, made = self.case, self.case.connections
        if made is None and self._reused is not None:
            made = 1 if self._reused else 2
        if made is not None:
            assert len(self.upstream.connections) == made
        if one.reused is False and self.upstream.connections:
            spoilt = self.upstream.connections[0]
            self.upstream.wait(lambda: spoilt.over, "the end of the first connection")
        if one.upstream_check:
            one.upstream_check(self.upstream)
