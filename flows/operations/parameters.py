"""A job's options as parameters of a flow, so that Prefect's form has a field for each."""

from collections.abc import Callable
from typing import Any

from flows.sending.request import JobRequest, help_of, spread


def with_options(request: type[JobRequest]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of a request to a flow's function; it starts as a dry run by default.

    Its docstring ends with the arguments that it has of its own: Prefect reads there what it shows
    beside a field.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        taking = spread(function, request, dry_run=True)
        described = "".join(f"        {name}: {text}\n" for name, text in help_of(request).items())
        taking.__doc__ = f"{(function.__doc__ or '').rstrip()}\n{described}"
        return taking

    return decorate
