"""Threads are limited before any library reads the limit: several that wait for each other slow small fits down a lot."""

from atoll_engines.run import limit_threads

limit_threads(1)
