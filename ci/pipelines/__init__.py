"""The pipelines' files read as their hosts read them, and their steps run without a host."""
