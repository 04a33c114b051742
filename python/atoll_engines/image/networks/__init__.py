"""Networks over images: a backbone that turns pixels into an embedding, and a head that turns it into margins."""
