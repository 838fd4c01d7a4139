"""Search spaces that come with AsymNAS, as YAML."""
