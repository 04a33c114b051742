"""The engines of Atoll: jobs that run in a folder, without a server, a network or the platform."""
