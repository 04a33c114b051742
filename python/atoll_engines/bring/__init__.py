"""Models that were made elsewhere: loaded with their own library in a sandbox, written as one graph where that is proven, else answered by Python."""
