"""Models that were made elsewhere: loaded with their own library in a job's sandbox, written as one graph where that can be proven, else answered by Python."""
