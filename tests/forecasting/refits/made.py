"""A cache of fits in memory."""


class KeptFits(dict):
    """Counts what is asked for and found."""

    def __init__(self):
        super().__init__()
        self.found, self.put = 0, 0

    def get_many(self, keys):
        found = {key: self[key] for key in keys if key in self}
        self.found += len(found)
        return found

    def put_many(self, kept):
        self.put += len(kept)
        self.update(kept)
