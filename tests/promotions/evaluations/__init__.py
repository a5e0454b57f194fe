"""Tests of evaluations, returned units, usage and settings."""
