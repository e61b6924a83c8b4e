"""What the end-to-end tests stand on: real daemons, stock ZeroMQ clients, nothing of the project's own code."""
