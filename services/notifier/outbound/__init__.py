"""Sending: claims due mails, renders them, hands them over and settles the outcome."""
