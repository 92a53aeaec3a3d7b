"""Does the subject find the answer that the item itself holds, and does it know how sure it may be?"""
