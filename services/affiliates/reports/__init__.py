"""Reports: clicks, conversions and commission by campaign, affiliate, product or day."""
