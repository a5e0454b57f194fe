"""Tests of store campaigns."""
