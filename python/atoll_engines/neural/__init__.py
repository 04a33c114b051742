"""The one training loop of every engine that learns by gradients.

    fitted = fit(module, objective, train, valid, read_plan(options, seed=job.seed, threads=job.threads), report=report,
                 checkpoint=job.checkpoints / "network")

The module holds the best weights afterwards. See docs/neural-training.md.
"""
