"""What every room of identity shares."""
