"""Whether the reader's probabilities mean what they say."""

import numpy as np
from reader_training.calibration import Characters, calibration_error, characters, fitted, softmax, texts_of
from reader_training.targets import BLANK, STEPS, SYMBOLS, codes


def said(text: str, *, logit: float = 9.0) -> np.ndarray:
    """Logits of a network that says a text in its first steps."""
    logits = np.zeros((STEPS, SYMBOLS), np.float32)
    logits[:, BLANK] = logit
    for place, code in enumerate(codes(text)):
        logits[2 * place, BLANK] = 0
        logits[2 * place, code] = logit
    return logits


def overconfident(count: int = 4000, share: float = 0.7) -> Characters:
    """Characters that claim 0.98 and are right in a share of cases."""
    rng = np.random.default_rng(3)
    truth = rng.integers(1, SYMBOLS, count)
    read = np.where(rng.random(count) < share, truth, truth % 36 + 1)
    logits = np.zeros((count, SYMBOLS), np.float32)
    logits[np.arange(count), read] = 7.5
    return Characters(logits, truth)


def test_reads_are_decoded_from_logits() -> None:
    assert texts_of(np.stack([said("AB12"), said("")])) == ["AB12", ""]


def test_characters_are_set_beside_the_truth_only_where_the_lengths_agree() -> None:
    logits = np.stack([said("AB12"), said("AB1"), said("X")])
    found = characters(logits, ["AB13", "AB12", "X"])
    assert found.truth.tolist() == [*codes("AB13"), *codes("X")]
    confidence, is_right = found.surest(1.0)
    assert is_right.tolist() == [True, True, True, False, True]
    assert (confidence > 0.99).all()


def test_the_fitted_temperature_takes_the_boast_out() -> None:
    boasting = overconfident()
    before = calibration_error(*boasting.surest(1.0))
    temperature = fitted(boasting)
    assert temperature > 1.2
    assert before > 0.2
    assert calibration_error(*boasting.surest(temperature)) < 0.03


def test_nothing_to_fit_leaves_the_temperature_alone() -> None:
    assert fitted(characters(np.zeros((0, STEPS, SYMBOLS), np.float32), [])) == 1.0


def test_the_calibration_error_is_the_gap_between_claim_and_truth() -> None:
    confidence = np.full(1000, 0.9)
    assert calibration_error(confidence, np.arange(1000) % 10 != 0) < 1e-6
    assert abs(calibration_error(confidence, np.arange(1000) % 2 == 0) - 0.4) < 1e-6


def test_probabilities_sum_to_one_even_of_large_logits() -> None:
    np.testing.assert_allclose(softmax(np.array([[1000.0, 0.0, -1000.0]], np.float32)).sum(), 1.0)
