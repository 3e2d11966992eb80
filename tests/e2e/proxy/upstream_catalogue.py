"""All cases of misbehaving upstreams, by their names.

The problem: a case that is left out of the table is never tried and never missed, so there is one table, and two cases of
one name are a mistake.
"""

import h1_cases
import h1_good_cases
import h2_cases
import tls_cases

CASES = [*h1_cases.CASES, *h1_good_cases.CASES, *h2_cases.CASES, *tls_cases.CASES]
BY_NAME = {one.name: one for one in CASES}
assert len(BY_NAME) == len(CASES), "two cases have one name"
