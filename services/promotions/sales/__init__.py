"""Sales campaigns (S1): what they are for, when they are active, what to know before activating one."""
