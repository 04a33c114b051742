"""Networks over tables. Each is written once, as arithmetic that torch trains, numpy predicts with and the graph carries."""
