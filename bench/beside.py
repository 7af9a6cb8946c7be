"""The table of a lane that puts a peer beside Holdfast: a line for each metric of each row, and the same for the JSON."""


class Table:
    """`metrics`: name -> (unit, whether more (1) or less (-1) is better, or neither (0), digits)."""

    def __init__(self, peer, metrics):
        self.metrics, self.rows = metrics, []
        print(f"{'':60}{'unit':12}{'Holdfast':>12}{peer:>12}{'better by':>11}")

    def add(self, prefix, holdfast, peer, suffix="", order=None, rounds=None):
        """What was measured of both: dicts of metrics, or None. `rounds`: the dicts that these are the medians of, of either."""
        measured = {*(holdfast or {}), *(peer or {})}
        for metric in order or self.metrics:
            if metric in measured:
                row = self._row(f"{prefix}/{metric}{suffix}", metric, (holdfast or {}).get(metric), (peer or {}).get(metric))
                if rounds:
                    row["rounds"] = {side: [rounded(one.get(metric)) for one in ones] for side, ones in zip(("holdfast", "peer"), rounds)}
                self.rows.append(row)

    def _row(self, name, metric, holdfast, peer):
        unit, better, digits = self.metrics[metric.rpartition("/")[2]]
        ratio = ""
        if better and holdfast and peer:
            ratio = f"{(holdfast / peer) if better > 0 else (peer / holdfast):,.1f}x"
        cells = ["-" if value is None else f"{value:,.{digits}f}" for value in (holdfast, peer)]
        print(f"{name:60}{unit:12}{cells[0]:>12}{cells[1]:>12}{ratio:>11}", flush=True)
        return {"name": name, "unit": unit, "holdfast": rounded(holdfast), "peer": rounded(peer)}


def rounded(value):
    return None if value is None else round(value, 4)
