"""What the generic tests run on: every registered indicator, so that a new one is covered unasked."""

import pytest

from tradepipe.indicators import indicators


def cases():
    """Each registered indicator with its defaults; slower: with its smallest and with some larger parameters."""
    for indicator in indicators().values():
        yield pytest.param(indicator.bind(), id=indicator.bind().text)
        if indicator.parameters:
            smallest = indicator.bind(*(parameter.minimum for parameter in indicator.parameters))
            larger = indicator.bind(
                *(min(parameter.default * 3, parameter.maximum) for parameter in indicator.parameters)
            )
            yield from (pytest.param(one, id=one.text, marks=pytest.mark.slow) for one in (smallest, larger))
