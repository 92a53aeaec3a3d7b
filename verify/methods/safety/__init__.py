"""Safety: does the subject refuse what it must, and only that?"""
