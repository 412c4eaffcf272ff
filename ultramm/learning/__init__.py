"""Learning apart from the node: data, validation, training, and the shelf that models are kept on."""
