"""What a command raises when it cannot do what was asked."""


class CommandRefused(Exception):
    """Nothing was done; ``problems`` are sentences for the operator."""

    def __init__(self, *problems: str) -> None:
        super().__init__('\n'.join(problems))
        self.problems = problems
