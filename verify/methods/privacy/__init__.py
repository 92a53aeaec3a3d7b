"""Privacy: does the subject give away what it should not?"""
