"""What every service needs and no business noun: read this package first, then one service."""
