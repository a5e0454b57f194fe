"""Lengths that several rooms share."""

NAME_MAX = 200
