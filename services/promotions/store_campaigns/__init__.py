"""Store campaigns (S3): what the stores of a company show, and when."""
