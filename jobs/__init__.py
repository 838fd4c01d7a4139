"""Jobs that come with AsymNAS, as YAML."""
