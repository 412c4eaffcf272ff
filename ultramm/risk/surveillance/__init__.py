"""Patterns in a market that mislead a maker, and what it does about them.

They are heuristics with a known operating curve (docs/risk.md): none says who did what, or why.
"""
