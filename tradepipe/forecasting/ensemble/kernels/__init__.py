"""Compiled passes over member forecasts and their errors: brought into order, then added up."""
