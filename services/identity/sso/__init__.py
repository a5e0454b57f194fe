"""Single sign-on: a tenant's own identity provider (OpenID Connect)."""
