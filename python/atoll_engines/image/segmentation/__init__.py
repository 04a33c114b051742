"""What each pixel of an image belongs to."""
