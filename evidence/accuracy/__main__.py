"""Writes docs/accuracy.md: `python -m evidence.accuracy [--quick | --only PLAN ...]`.

--quick takes the predictions of networks left out from evidence/results/leave_one_out.csv; --only runs the
refits of some plans again.
"""

from __future__ import annotations

import argparse
import sys

from evidence.accuracy import page, study


def main() -> None:
    """Run the refits, keep what they predict, write the page."""
    names = [path.stem for path in study.plan_files()]
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="no refits")
    which.add_argument("--only", nargs="+", choices=names, metavar="PLAN", help=", ".join(names))
    asked = parser.parse_args()
    again = () if asked.quick else tuple(asked.only or names)
    if again:
        refit(again)
    text = page.render(study.cases(), page.DIARY.read_text(encoding="utf-8"))
    page.PAGE.write_text(text, encoding="utf-8")


def refit(names: tuple[str, ...]) -> None:
    """Run plans without each of their networks; after each plan what is known is kept."""
    for path in study.plan_files():
        if path.stem in names:
            found = study.leave_out(path, lambda text, plan=path.stem: _say(f"{plan}: {text}"))  # type: ignore[misc]
            kept = [item for item in study.read_left_out() if item.plan != path.stem]
            study.write_left_out((*kept, *found))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
