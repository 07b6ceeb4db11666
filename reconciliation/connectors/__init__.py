"""The accountant's software: one module a package, each of which books what Onetill has and finds it there again."""
