"""`copilot`: the command line. Every process that a command starts imports this anew, hence nothing else."""

import sys


def main() -> int:
    """Runs the command that the program was given; gives its exit code."""
    from copilot import command_line

    return command_line.main()


if __name__ == "__main__":
    sys.exit(main())
