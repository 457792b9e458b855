"""What can be wrong with an indicator's text, parameters or input."""


class IndicatorError(ValueError):
    """Base of everything the indicators room refuses."""


class IndicatorSyntaxError(IndicatorError):
    """The text is not of the form `name` or `name(number, …)`."""


class UnknownIndicatorError(IndicatorError):
    """No indicator has that name."""


class ParameterError(IndicatorError):
    """Too many parameters, or one that is no number or lies outside its range."""


class DuplicateIndicatorError(IndicatorError):
    """Two indicators would write the same column."""


class IndicatorInputError(IndicatorError):
    """The bars lack a column, repeat a key or hold a value that is no finite number."""
