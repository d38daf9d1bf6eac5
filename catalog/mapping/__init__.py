"""The mapping language: expressions of bindings, forward to virtual rows and back to conditions over raw rows."""

from catalog.mapping.compile import MappedBinding, compile_binding

__all__ = ["MappedBinding", "compile_binding"]
