"""What a command's user sees when it can't be done: one message, the right exit code, no traceback.

Owns the table of exit codes: 0 done, 1 the answer is no, 2 wrong use or settings, 3 the outside failed.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

import typer
import typer.core
from confluent_kafka import KafkaException
from rich.console import Console
from rich.text import Text

from connectors.broker import BrokerError
from connectors.recordings import RecordingError
from connectors.topics import PartitionsError
from consumers.evaluation.errors import EvaluationError
from consumers.export.errors import ExportError
from consumers.rows import NewerSchemaError
from dataflows.replay.ranges import ReplayError
from dataflows.settings import SettingsError
from dataflows.supervision.keeper import ShardError
from obi.extras import MissingExtraError

NO: Final = 1
WRONG_USE: Final = 2
OUTSIDE_FAILED: Final = 3

_WRONG: Final = (
    SettingsError,
    PartitionsError,
    RecordingError,
    ReplayError,
    EvaluationError,
    ExportError,
    NewerSchemaError,
    MissingExtraError,
    OSError,
)

ARGUMENTS: Final = "obi.arguments"
"""Where a command finds, in its context's ``meta``, all that was typed after ``obi``."""


class CommandGroup(typer.core.TyperGroup):
    """A group of commands that turns known failures into messages and exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the arguments as they were typed; of groups in groups, the outermost has all of them."""
        ctx.meta.setdefault(ARGUMENTS, tuple(args))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # The reader of our output has seen enough (`obi measure ... | head`): not a failure of ours.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except Exception as error:
            code = exit_code(error)
            if code is None:
                raise
            fail(describe(error))
            raise typer.Exit(code) from None


def exit_code(error: Exception) -> int | None:
    """The exit code of a failure that a user can do something about; None for a bug."""
    if isinstance(error, ShardError):
        return error.code
    if isinstance(error, _WRONG) and not isinstance(error, ConnectionError):
        return WRONG_USE
    if isinstance(error, BrokerError | KafkaException | ConnectionError):
        return OUTSIDE_FAILED
    return None


def describe(error: Exception) -> str:
    """The message of a failure."""
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def fail(message: str) -> None:
    """Say what went wrong, on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text("error:", style="bold red"), Text(message))
