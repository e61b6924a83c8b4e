"""A set of whole numbers, kept as runs: small as long as few are missing in between."""

import bisect


def _runs(numbers):
    """Of ascending numbers: (first, last) of each run without a hole."""
    if numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
        return [(numbers[0], numbers[-1])]
    runs = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


class Numbers:
    def __init__(self):
        self._firsts, self._lasts = [], []
        self._count = 0

    def __len__(self):
        return self._count

    def add(self, numbers):
        """Returns how many of them it held already. A number may come only once among them."""
        return sum(self._add_run(first, last) for first, last in _runs(sorted(numbers)))

    def _add_run(self, first, last):
        at = end = bisect.bisect_left(self._lasts, first - 1)
        low, high, known = first, last, 0
        while end < len(self._firsts) and self._firsts[end] <= last + 1:
            known += max(0, min(last, self._lasts[end]) - max(first, self._firsts[end]) + 1)
            low, high = min(low, self._firsts[end]), max(high, self._lasts[end])
            end += 1
        self._firsts[at:end], self._lasts[at:end] = [low], [high]
        self._count += last - first + 1 - known
        return known
