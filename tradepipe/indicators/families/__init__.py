"""The indicators, one folder a family, one module an indicator. The registry imports every module: none is listed."""
