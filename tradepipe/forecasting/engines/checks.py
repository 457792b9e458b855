"""What every engine asks of those who call it."""

from tradepipe.forecasting.model import Fits, FloatArray, ForecastError, ModelSpec, Panel


def require_shape(panel: Panel, spec: ModelSpec, names: tuple[str, ...], parameters: FloatArray) -> None:
    """Raise ForecastError unless parameters are (series, k), in the order of `names`."""
    if parameters.shape != (len(panel), len(names)):
        raise ForecastError(
            f"parameters of {spec.text} have shape {parameters.shape}; {len(panel)} series need "
            f"({len(panel)}, {len(names)}): {', '.join(names) or 'none'}"
        )


def require_same_series(fits: Fits, bars: Panel) -> None:
    """Raise ForecastError unless new bars are of the series of the fits, in their order."""
    if bars.symbols != fits.symbols:
        raise ForecastError(f"new bars are of {few(bars.symbols)}, the fits of {few(fits.symbols)}; align them")


def few(symbols: tuple[str, ...]) -> str:
    """How many symbols, and the first of them."""
    return f"{len(symbols)} symbols ({', '.join(symbols[:3])}{', …' if len(symbols) > 3 else ''})"
