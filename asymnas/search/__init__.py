"""Search: ask/tell searchers, the worker that scores candidates, and the log a run resumes from."""

from asymnas.search._log import ResultLog
from asymnas.search._logged import evaluate_logged
from asymnas.search._run import Climb, SearchProgress, SearchResult, run_search
from asymnas.search.candidate import CandidateWorker, candidate_worker
from asymnas.search.estimator import Estimator, Posterior
from asymnas.search.evolution import EvolutionSearcher
from asymnas.search.finals import Finalist, run_finals
from asymnas.search.ladder import Rung, joined, rungs_of
from asymnas.search.limit import SearchLimit
from asymnas.search.random_search import RandomSearcher, drawn_architectures
from asymnas.search.results import SCORING_VERSION, Evaluation, Request, ScoreSettings, failed_evaluation
from asymnas.search.searcher import SEARCHERS, Searcher, SearcherPlugin, distinct_samples

__all__ = [
    "SCORING_VERSION",
    "SEARCHERS",
    "CandidateWorker",
    "Climb",
    "Estimator",
    "Evaluation",
    "EvolutionSearcher",
    "Finalist",
    "Posterior",
    "RandomSearcher",
    "Request",
    "ResultLog",
    "Rung",
    "ScoreSettings",
    "SearchLimit",
    "SearchProgress",
    "SearchResult",
    "Searcher",
    "SearcherPlugin",
    "candidate_worker",
    "distinct_samples",
    "drawn_architectures",
    "evaluate_logged",
    "failed_evaluation",
    "joined",
    "run_finals",
    "run_search",
    "rungs_of",
]
