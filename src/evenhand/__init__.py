"""evenhand: allocate shared resources with an even hand (fair) and a steady one (smooth).

Names are resolved on first use (SPEC 1), so that ``import evenhand`` is instant and compiles nothing. They stand in
`__init__.pyi`, once.
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
