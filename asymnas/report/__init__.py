"""What people see of a run: progress, tables, plots and the report."""

from asymnas.report._doctor import diagnose
from asymnas.report._html import write_report
from asymnas.report._progress import LineProgress, LiveProgress, Progress, make_progress
from asymnas.report._terminal import print_comparison, print_dry_run, print_run, print_summary, print_whole

__all__ = [
    "LineProgress",
    "LiveProgress",
    "Progress",
    "diagnose",
    "make_progress",
    "print_comparison",
    "print_dry_run",
    "print_run",
    "print_summary",
    "print_whole",
    "write_report",
]
