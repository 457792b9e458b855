"""An account trades every session of its market, one after the other."""

import datetime as dt
from collections.abc import Callable

from tradepipe.execution.errors import SessionsSkippedError, SignalInputError
from tradepipe.execution.ledger import Ledger

NextSession = Callable[[dt.date], dt.date]
"""The market's session after a given one."""


def refuse_gap(ledger: Ledger, since: dt.date | None, next_session: NextSession | None) -> None:
    """See that `since` does not come after the session that follows the account's clock.

    An account without a clock may begin anywhere.

    Raises:
        SessionsSkippedError: if there are sessions between the clock and `since`. Walking on would
            fill waiting orders at later opens and leave the skipped sessions untraded for ever.
        SignalInputError: if only one of `since` and `next_session` is given.
    """
    if (since is None) != (next_session is None):
        raise SignalInputError(f"{ledger.market}: since and next_session go together; pass both or neither")
    if since is None or next_session is None or ledger.clock is None:
        return
    skipped, session = list[dt.date](), next_session(ledger.clock)
    while session < since:
        skipped.append(session)
        session = next_session(session)
    if skipped:
        raise SessionsSkippedError(ledger.market, ledger.clock, skipped)
