"""lm-eval's tasks as checks: its task code builds the requests and scores the answers, everything else is ours.

`registry` finds a task in the installed package by reading its YAML files, `tasks` has lm-eval resolve and build it,
`data` maps its hub data sets to local files, `documents` turns it into items, `scoring` makes scores from kept
answers without any data set, `metrics` and `estimates` give its metrics their direction, range and interval.

Only tasks of the installed package are loaded: a YAML of a user's own may name Python code, which would run in the
process that decides. lm-eval itself is imported where a check is planned or scored, never on import.
"""
