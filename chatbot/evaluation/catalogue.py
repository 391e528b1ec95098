"""Every metric by name: what it means, which way is better, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chatbot.evaluation import metrics, setwide
from chatbot.evaluation.metrics import Metric, Row, Score
from chatbot.evaluation.setwide import Judged

_RETRIEVAL = tuple(
    Metric(
        name=f"{level}_{name}",
        group="retrieval",
        better="higher",
        gate=f"{level}_{name}" in ("doc_ndcg@10", "quote_recall@5"),
        meaning=f"{meaning} of gold {what} (ir-measures)",
    )
    for level, what in (("doc", "documents"), ("quote", "quotes"))
    for name, meaning in (
        ("ndcg@10", "nDCG of the first ten, Järvelin and Kekäläinen 2002,"),
        ("recall@5", "Recall within the first five"),
        ("mrr", "Reciprocal rank of the first"),
        ("hit@5", "Any within the first five"),
    )
)

_ROW: tuple[tuple[Metric, Callable[[Row], Score]], ...] = (
    (Metric(name="right", group="overall", better="higher", gate=True,
            meaning="Right reaction: a correct answer, or an abstention where none is possible"),
     metrics.right),
    (Metric(name="error", group="overall", better="lower", gate=True,
            meaning="Cases that ended in an error"), metrics.error),
    (Metric(name="correct", group="answer", better="higher",
            meaning="Answerable cases whose answer holds every must_include group"),
     metrics.correct),
    (Metric(name="exact_match", group="answer", better="higher",
            meaning="SQuAD 2.0 exact match, Rajpurkar et al. 2018"), metrics.squad_exact_match),
    (Metric(name="squad_f1", group="answer", better="higher",
            meaning="SQuAD 2.0 word F1, Rajpurkar et al. 2018"), metrics.squad_f1),
    (Metric(name="token_f1", group="answer", better="higher", gate=True,
            meaning="Word F1 after figures and dates are brought into one form"),
     metrics.token_f1),
    (Metric(name="chrf", group="answer", better="higher",
            meaning="chrF2 of answered cases, Popović 2015 (sacrebleu), 0…1"), metrics.chrf),
    (Metric(name="citation_precision", group="citation", better="higher", gate=True,
            meaning="Citations that hold gold evidence, after ALCE, Gao et al. 2023"),
     metrics.citation_precision),
    (Metric(name="evidence_cited", group="citation", better="higher", gate=True,
            meaning="Asked facts of which a gold quote is cited, whichever of those that say it"),
     metrics.evidence_cited),
    (Metric(name="citation_recall", group="citation", better="higher",
            meaning="Gold quotes that are cited, alternatives too, after ALCE, Gao et al. 2023"),
     metrics.citation_recall),
    (Metric(name="uncited_sentences", group="citation", better="lower",
            meaning="Answer sentences without a citation"), metrics.uncited_sentences),
    (Metric(name="unsupported_items", group="citation", better="lower", gate=True, unit="count",
            meaning="Figures, dates and names of an answer that the cited text does not hold"),
     metrics.unsupported_items),
    (Metric(name="draft_kept", group="citation", better="higher", gate=True,
            meaning="Sentences that the model wrote that passed the check"), metrics.draft_kept),
    (Metric(name="draft_chrf", group="citation", better="higher", gate=True,
            meaning="chrF2 of a draft, what was dropped of it too, against gold evidence"),
     metrics.draft_chrf),
    (Metric(name="answered_unanswerable", group="abstention", better="lower", gate=True,
            meaning="Unanswerable cases that were answered"), metrics.answered_unanswerable),
    (Metric(name="abstained_answerable", group="abstention", better="lower", gate=True,
            meaning="Answerable cases that were not answered"), metrics.abstained_answerable),
    (Metric(name="evidence_seconds", group="cost", better="lower", unit="s",
            meaning="Seconds to the evidence"), metrics.evidence_seconds),
    (Metric(name="first_token_seconds", group="cost", better="lower", unit="s",
            meaning="Seconds to the model's first token"), metrics.first_token_seconds),
    (Metric(name="total_seconds", group="cost", better="lower", unit="s",
            meaning="Seconds to the complete answer"), metrics.total_seconds),
    (Metric(name="tokens_per_second", group="cost", better="higher", unit="1/s",
            meaning="Drafted tokens a second after the first"), metrics.tokens_per_second),
    (Metric(name="prompt_tokens", group="cost", better="lower", unit="tokens",
            meaning="Tokens of the prompt"), metrics.prompt_tokens),
)  # fmt: skip

_SET: tuple[tuple[Metric, Callable[[Judged], Score]], ...] = (
    (Metric(name="auroc", group="abstention", better="higher",
            meaning="Answerable told from unanswerable by the stated probability"),
     setwide.auroc),
    (Metric(name="calibration_error", group="abstention", better="lower",
            meaning="Expected calibration error in ten bins, Naeini et al. 2015"),
     setwide.calibration_error),
    (Metric(name="risk_coverage_area", group="abstention", better="lower",
            meaning="Mean risk along the risk-coverage curve, Geifman and El-Yaniv 2017"),
     setwide.risk_coverage_area),
    (Metric(name="peak_memory", group="cost", better="lower", unit="bytes",
            meaning="Most memory held"), setwide.peak_memory),
)  # fmt: skip

ROW_FUNCTIONS: Mapping[str, Callable[[Row], Score]] = {metric.name: f for metric, f in _ROW}
SET_FUNCTIONS: Mapping[str, Callable[[Judged], Score]] = {metric.name: f for metric, f in _SET}
_GROUPS = ("overall", "answer", "citation", "abstention", "retrieval", "cost")
METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in sorted(
        (*(metric for metric, _ in _ROW), *_RETRIEVAL, *(metric for metric, _ in _SET)),
        key=lambda metric: _GROUPS.index(metric.group),
    )
}


def row_scores(rows: Sequence[Row]) -> dict[str, list[Score]]:
    """The score of each row in every metric that is a mean over rows, in row order."""
    scores = {name: [function(row) for row in rows] for name, function in ROW_FUNCTIONS.items()}
    return scores | metrics.retrieval(rows)
