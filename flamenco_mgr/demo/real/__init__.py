"""What the demonstration needs when its Workers carry out their commands for real."""
