"""A fleet store that keeps everything in this process's memory and nothing after it: what a simulation grants from."""
