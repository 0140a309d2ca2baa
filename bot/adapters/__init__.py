"""The platforms. An adapter is two pure converters (parse, render) and thin I/O."""
