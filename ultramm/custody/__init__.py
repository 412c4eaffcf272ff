"""Every order of ours from intent to its end: on disk before it is sent, and held against what the venue says."""
