"""What families over items of media (images, sounds) share: one array of items, networks that are validated as they learn."""
