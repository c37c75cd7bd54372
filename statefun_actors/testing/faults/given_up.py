"""``GivenUpErrors``: the errors of messages that were given up."""

from __future__ import annotations

from collections.abc import Callable

from statefun_actors.dispatch import Application, Dispatch
from statefun_actors.host import Host
from statefun_actors.model import Batch, Done, Failed, Outcome
from statefun_actors.text import describe


class GivenUpErrors:
    """The errors of failed messages, by their text.

    Under faults each message of a test has an idempotency key, and the row of a key has only the text of its error.
    """

    def __init__(self) -> None:
        self._by_text: dict[str, BaseException] = {}

    def find(self, text: str) -> BaseException | None:
        """The last error with this *text*."""
        return self._by_text.get(text)

    def around(self, wrapped: Callable[[Dispatch], Dispatch] | None) -> Callable[[Dispatch], Dispatch]:
        """A wrapper of a dispatch that notes its errors, around the wrapper *wrapped*, if any."""

        def noting(direct: Dispatch) -> Dispatch:
            dispatch = direct if wrapped is None else wrapped(direct)

            async def noted(batch: Batch, app: Application, host: Host) -> Outcome:
                outcome = await dispatch(batch, app, host)
                if isinstance(outcome, Done):
                    for failure in outcome.failures:
                        self._by_text[describe(failure.error)] = failure.error
                elif isinstance(outcome, Failed):
                    self._by_text[describe(outcome.error)] = outcome.error
                return outcome

            return noted

        return noting
