"""Models over time: when they are refitted, from where a chain of refits starts, and what serves between refits."""
