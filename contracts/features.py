"""Features: what a tenant's flags switch on (S0-1). The gateway and the services refuse what is off."""

CAMPAIGNS = "campaigns"
PRM = "prm"
MESSAGING = "messaging"
PROMOTIONS = "promotions"
AFFILIATES = "affiliates"

FEATURES = (CAMPAIGNS, PRM, MESSAGING, PROMOTIONS, AFFILIATES)
