"""How dates are written, where Django's own way is read differently on two sides of an ocean."""
