"""Tables: training, evaluation and prediction."""
