"""What every room stands on: errors, random streams, files, documents, schemas, plugins, the Ray runtime."""
