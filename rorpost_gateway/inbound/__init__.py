"""The way in: a partner's sealed message is opened, judged, queued still sealed, and delivered."""
