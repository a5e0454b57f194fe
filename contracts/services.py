"""The names of the processes that sign for each other: services, by which addresses, databases and queues go too."""

IDENTITY = "identity"
PRM = "prm"
CAMPAIGNS = "campaigns"
MESSAGING = "messaging"
NOTIFIER = "notifier"
PROMOTIONS = "promotions"
AFFILIATES = "affiliates"

SERVICES = (IDENTITY, PRM, CAMPAIGNS, MESSAGING, NOTIFIER, PROMOTIONS, AFFILIATES)

GATEWAY = "gateway"
