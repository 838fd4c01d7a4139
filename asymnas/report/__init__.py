"""What people see of a run: progress, tables, plots and the report, which is a list of sections."""

from asymnas.report.bench import against_sections, bench_sections, regret_plot, truth_sections
from asymnas.report.comparison import power_sections
from asymnas.report.diagnosis import diagnosis_sections
from asymnas.report.doctor import examine
from asymnas.report.progress import LineProgress, LiveProgress, ProgressDisplay, make_progress
from asymnas.report.render import page, print_sections
from asymnas.report.sections import Figure, Section, mapping_sections
from asymnas.report.write import print_dry_run, print_run, print_summary, write_report

__all__ = [
    "Figure",
    "LineProgress",
    "LiveProgress",
    "ProgressDisplay",
    "Section",
    "against_sections",
    "bench_sections",
    "diagnosis_sections",
    "examine",
    "make_progress",
    "mapping_sections",
    "page",
    "power_sections",
    "print_dry_run",
    "print_run",
    "print_sections",
    "print_summary",
    "regret_plot",
    "truth_sections",
    "write_report",
]
