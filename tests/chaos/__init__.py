"""Kills of everything under load, and the proof afterwards that nothing was lost, doubled or put out of order."""
