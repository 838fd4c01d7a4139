"""Search: ask/tell searchers, evaluators in this process or in Ray actors, and the log a run resumes from."""

from asymnas.search._evaluators import Evaluator, InProcessEvaluator, Worker, WorkerFactory
from asymnas.search._evolution import CrossoverLevel, EvolutionSearcher
from asymnas.search._log import ResultLog
from asymnas.search._random import RandomSearcher
from asymnas.search._ray import RayEvaluator, start_ray
from asymnas.search._run import Progress, SearchResult, evaluate_logged, run_search
from asymnas.search._searcher import Searcher, distinct_samples
from asymnas.search.results import Evaluation, LanguageCondition, ScoreSettings, Task

__all__ = [
    "CrossoverLevel",
    "Evaluation",
    "Evaluator",
    "EvolutionSearcher",
    "InProcessEvaluator",
    "LanguageCondition",
    "Progress",
    "RandomSearcher",
    "RayEvaluator",
    "ResultLog",
    "ScoreSettings",
    "SearchResult",
    "Searcher",
    "Task",
    "Worker",
    "WorkerFactory",
    "distinct_samples",
    "evaluate_logged",
    "run_search",
    "start_ray",
]
