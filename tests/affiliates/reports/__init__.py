"""Tests of reports and statements."""
