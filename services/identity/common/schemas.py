"""Lengths that several rooms share."""

NAME_MAX = 200
PASSWORD_TYPED = 1000
"""As much as is taken of a typed password before ``passwords.rules`` looks at it."""
