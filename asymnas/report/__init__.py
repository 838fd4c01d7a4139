"""What people see of a run: progress, tables, plots and the report."""

from asymnas.report._benchmark import BenchmarkReport, TrackerScores, default_protocol
from asymnas.report._benchmark_evaluate import evaluate_results
from asymnas.report._benchmark_html import write_benchmark
from asymnas.report._benchmark_tables import print_benchmark
from asymnas.report._contact_sheet import ContactSheet
from asymnas.report._doctor import diagnose
from asymnas.report._html import write_report
from asymnas.report._overlay import Overlay, draw_box, draw_target, put_text
from asymnas.report._progress import LineProgress, LiveProgress, Progress, make_progress
from asymnas.report._read import RunData, read_results, read_run
from asymnas.report._strips import Shown, draw_strip
from asymnas.report._terminal import print_comparison, print_dry_run, print_run, print_summary, print_whole
from asymnas.report._test_table import print_test
from asymnas.report._video_sheet import draw_video_sheet, save_picture

__all__ = [
    "BenchmarkReport",
    "ContactSheet",
    "LineProgress",
    "LiveProgress",
    "Overlay",
    "Progress",
    "RunData",
    "Shown",
    "TrackerScores",
    "default_protocol",
    "diagnose",
    "draw_box",
    "draw_strip",
    "draw_target",
    "draw_video_sheet",
    "evaluate_results",
    "make_progress",
    "print_benchmark",
    "print_comparison",
    "print_dry_run",
    "print_run",
    "print_summary",
    "print_test",
    "print_whole",
    "put_text",
    "read_results",
    "read_run",
    "save_picture",
    "write_benchmark",
    "write_report",
]
