"""What can be done to a controller, one command a class: computed first, added to the batch last."""
