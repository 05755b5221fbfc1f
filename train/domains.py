"""What toyworld can show, for commands that do not import it before they know that they need it."""

DOMAIN_NAMES = ("heads", "cars", "rooms")  # rooms: the cars, in rooms of real depth
