"""Korean as data: syllables, particles, typing errors, normal forms, short answers, identifiers.

Everything here is pure and works on the standard library alone. Names are imported from the
modules: ``from verify.korean.josa import fill``.
"""
