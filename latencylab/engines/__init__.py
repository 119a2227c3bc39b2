"""Engine models: `run(program, profile) -> Schedule`, one a file."""

# Goes up whenever the same model on the same profile may get another number.
COST_MODEL_VERSION = "4"
