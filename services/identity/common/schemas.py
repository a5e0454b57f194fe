"""Lengths that several rooms share."""

NAME_MAX = 200
EMAIL_MAX = 320
"""As much as is taken of a typed address (RFC 3696: 64 characters, the sign, 255 characters)."""
PASSWORD_TYPED = 1000
"""As much as is taken of a typed password before anything looks at it."""
