"""Does the subject's answer survive what a careful reader would not even notice?"""
