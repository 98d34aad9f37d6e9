"""What the containers read: pure functions from small typed values to texts, by path under the mount."""
