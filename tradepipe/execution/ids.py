"""Deterministic order ids: the same decision has the same id, however often it is retried.

The id is a hash of *which decision* this is, never of what it says: venue, account, market,
strategy, symbol, decision session, decision time, leg and revision. So a retry, a second run or a
lost answer cannot make a second order; and a signal that was materialised again with other content
meets its own earlier id and is a conflict. With the side in the id (as the design's first draft
had it) a signal that turned from buy to sell would get a fresh id and a second order. `leg`
tells apart the orders that one decision may need, such as closing a long and opening a short;

`revision` is part of the identity and is 0 everywhere: raising it is for an operator command that
decides an open session anew. As long as there is none, what was decided stands. A raised revision
of a session that the account has finished is denied as `late`, like any other intent.
"""

import base64
import datetime as dt
import hashlib
from typing import NamedTuple

from tradepipe.execution.canonical import canonical, instant

_PREFIX = "tp"
_CHARACTERS = 26  # 130 bits, 28 characters with the prefix: every venue we know takes 32


class Identity(NamedTuple):
    """Which decision it is; every field is part of the id."""

    venue: str
    account: str
    market: str
    strategy: str
    symbol: str
    session: dt.date
    decided_at: dt.datetime
    leg: int
    revision: int


def client_order_id(identity: Identity) -> str:
    """`tp` and 26 characters of a-z2-7 (RFC 4648 base 32, lower case), from 130 bits of sha256."""
    told = identity._asdict() | {"session": identity.session.isoformat(), "decided_at": instant(identity.decided_at)}
    digest = hashlib.sha256(canonical(list(told.values())).encode()).digest()
    return _PREFIX + base64.b32encode(digest)[:_CHARACTERS].decode().lower()
