"""How a subject answers. `base` is the contract; the subject itself lives in a worker process."""
