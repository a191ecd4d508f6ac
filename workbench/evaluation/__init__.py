"""How good features and predictions are: probe, kNN, metrics with intervals, calibration. Knows no pretraining method."""
