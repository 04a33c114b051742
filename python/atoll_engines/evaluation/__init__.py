"""What every engine that is judged on a sealed test shares: metrics with intervals, curves, and the rows that prove serving."""
