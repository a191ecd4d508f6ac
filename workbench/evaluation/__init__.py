"""How good features and predictions are: probe, kNN, metrics, calibration. Knows no pretraining method."""
