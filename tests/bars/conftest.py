import hypothesis

# The machine's speed is nothing a test may fail on, and a calendar is read within the first example.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")
