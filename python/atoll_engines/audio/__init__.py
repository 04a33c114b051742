"""Sound: what is heard in a recording, who speaks, and when."""
