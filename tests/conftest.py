"""Hypothesis for the whole suite: the same examples each run, few, and no deadline on a busy machine.

``pytest --hypothesis-profile=thorough`` searches longer, and elsewhere each time.
"""

from hypothesis import HealthCheck, settings

_calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", _calm, max_examples=60, derandomize=True)
settings.register_profile("thorough", _calm, max_examples=2_000)
settings.load_profile("suite")
