"""Who speaks when: speech is found, heard in windows, and the windows are divided among speakers whose number nobody knows."""
