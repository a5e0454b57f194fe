"""Tests of links that visitors follow and of the clicks they leave."""
