"""The user's own training script as a job: laid out as Amazon SageMaker's training toolkit lays it, so that scripts run unmodified."""
