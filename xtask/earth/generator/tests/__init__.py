"""`python -m unittest` in `xtask/earth/generator`, in the environment of `requirements.txt`; takes seconds."""
