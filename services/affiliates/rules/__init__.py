"""Pure decisions of the affiliate programme: no database, no HTTP, no clock."""
