"""Online estimators: `update` with what happened, read `value`; O(1) an event; NaN until warm.

Time comes with the event, in nanoseconds; an estimator never looks at a clock.
"""
