"""Tests of affiliates."""
