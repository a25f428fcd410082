"""Cells in C and Rust: compiled by the system's compilers against rustorch, kept in a cache, run in this process."""
