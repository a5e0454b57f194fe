"""All that the platform keeps of a company: asked for, gathered from every service, and fetched as one archive."""
