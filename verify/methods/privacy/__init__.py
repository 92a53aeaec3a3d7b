"""Personal data: what a subject gives away, and how sure that is. Three kinds of claim, never mixed.

A. Planted secrets (`canary_*`, `dp_lower_bound`): drawn from a declared uniform space before training, so that
   "not memorised" has an exact null. Says nothing of other data.
B. Known data with a held-out twin (`known_data`, `reconstruction`, `membership_inference`, `contamination`):
   a rate in the population that the rows were drawn from, against rows that were not trained on.
C. Black-box fishing (`pii_in_output`): what came up is a lower bound, and nothing that did not come up is shown
   to be absent.

In-context leakage (`context_leak`) stands beside these: the personal data is in the request itself.
"""
