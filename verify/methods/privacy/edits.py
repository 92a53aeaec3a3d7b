"""Edit distance up to a limit."""


def within_edits(one: str, other: str, *, most: int) -> bool:
    """Whether at most so many insertions, deletions and substitutions turn one text into the other.

    Only the diagonal band of width 2 * most + 1 is filled in, so the time is proportional to length times `most`.

    Args:
        one: Any text.
        other: Any text.
        most: Edits allowed, >= 0.

    Examples:
        >>> within_edits("접수 번호", "접수번호", most=1), within_edits("접수", "발급", most=1)
        (True, False)

    References:
        Ukkonen (1985), https://doi.org/10.1016/S0019-9958(85)80046-2.
    """
    if abs(len(one) - len(other)) > most:
        return False
    over = most + 1
    before = {column: column for column in range(min(most, len(other)) + 1)}
    for row, letter in enumerate(one, start=1):
        now: dict[int, int] = {}
        for column in range(max(0, row - most), min(len(other), row + most) + 1):
            if column == 0:
                now[0] = row
                continue
            substituted = before.get(column - 1, over) + (letter != other[column - 1])
            now[column] = min(substituted, before.get(column, over) + 1, now.get(column - 1, over) + 1)
        if min(now.values()) > most:
            return False
        before = now
    return before[len(other)] <= most
