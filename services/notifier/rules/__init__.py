"""Pure decisions: what mails there are, what follows from an outcome, what is fit to be written."""
