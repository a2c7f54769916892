"""What a classifier without a network reaches on the same mails: TF-IDF with logistic regression, and naive Bayes."""

from __future__ import annotations

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline


def predictions(texts: list[str], labels: list[int], held_out: list[str]) -> dict[str, np.ndarray]:
    """Train the baselines and label the texts that are held out.

    Args:
        texts: To train on.
        labels: Theirs.
        held_out: To be labelled.

    Returns:
        Name -> labels.
    """
    found = {}
    for name, classifier in (
        ("naive Bayes on TF-IDF", MultinomialNB(alpha=0.01)),
        ("logistic regression on TF-IDF", LogisticRegression(C=100, max_iter=1000)),
    ):
        words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
        found[name] = make_pipeline(words, classifier).fit(texts, labels).predict(held_out)
    return found
