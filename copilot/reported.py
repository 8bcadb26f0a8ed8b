"""What becomes of an error that ends the program: a line that a user can do something with, and an exit code."""

import logging
import sys
from collections.abc import Callable

from policy.errors import CopilotError


def reported(run: Callable[[], int]) -> int:
    """The exit code of what is run; 1, or 130 for an interruption, and a message where it fails."""
    try:
        return run()
    except CopilotError as error:
        print(f"copilot: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; there is nobody to tell
        return 1
    except Exception as error:
        logging.getLogger(__name__).critical("unexpected", exc_info=error)
        print(
            f"copilot: internal error ({type(error).__name__}); COPILOT_LOG=INFO tells more",
            file=sys.stderr,
        )
        return 1
