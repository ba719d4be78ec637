"""What every provider of the store's interfaces keeps to; a short file per provider inherits it."""
