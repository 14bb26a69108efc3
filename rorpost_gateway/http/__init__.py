"""HTTP/1.1, as little of it as is needed: a bounded server for a few paths, and one bounded request."""
