"""OAuth 2.0 (RFC 6749, RFC 7009)."""
