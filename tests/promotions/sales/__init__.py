"""Tests of sales campaigns."""
