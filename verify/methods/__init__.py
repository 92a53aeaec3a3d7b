"""How properties are measured. `catalogue` lists the methods, `base` says what a method is."""
