"""Work that is done in a process beside the daemon's, so that another core can do it."""
