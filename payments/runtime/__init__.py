"""Running in the background and under load: task queue, sweeps, throttling, metrics, fail points."""
