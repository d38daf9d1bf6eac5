"""`python -m gateway …` is `hospital-gateway …`."""

from __future__ import annotations

import sys

try:
    from gateway.cli import main
except KeyboardInterrupt:  # while Python is still loading
    sys.exit(130)

sys.exit(main())
