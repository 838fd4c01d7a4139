"""Search: ask/tell searchers, the worker that scores candidates, and the log a run resumes from."""

from asymnas.search._log import ResultLog
from asymnas.search._logged import evaluate_logged
from asymnas.search._run import SearchProgress, SearchResult, run_search
from asymnas.search.candidate import CandidateWorker, candidate_worker
from asymnas.search.evolution import CrossoverLevel, EvolutionSearcher
from asymnas.search.random_search import RandomSearcher
from asymnas.search.results import SCORING_VERSION, Evaluation, Request, ScoreSettings, cost_record, failed_evaluation
from asymnas.search.searcher import SEARCHERS, Searcher, SearcherPlugin, distinct_samples

__all__ = [
    "SCORING_VERSION",
    "SEARCHERS",
    "CandidateWorker",
    "CrossoverLevel",
    "Evaluation",
    "EvolutionSearcher",
    "RandomSearcher",
    "Request",
    "ResultLog",
    "ScoreSettings",
    "SearchProgress",
    "SearchResult",
    "Searcher",
    "SearcherPlugin",
    "candidate_worker",
    "cost_record",
    "distinct_samples",
    "evaluate_logged",
    "failed_evaluation",
    "run_search",
]
