"""Token classification: names, places, doses: which words of a text are what."""
