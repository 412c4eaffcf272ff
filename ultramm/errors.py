"""The exceptions of ultramm, one class per reaction that a caller can have.

::

    UltrammError
    ├── UserError            the input is wrong: say so in one line, exit code 2
    │   ├── ConfigError      a configuration file or a ``--set`` value
    │   ├── PluginError      a plugin that is missing, broken or installed twice
    │   └── DataError        a capture, a catalog or a journal that cannot be read
    └── RunError             the run itself failed: exit code 1

An estimator that is not warm, a refused order and a side that is not quoted are no exceptions: they are values
with a reason.
"""


class UltrammError(Exception):
    """Base of every error that ultramm raises on purpose."""


class UserError(UltrammError):
    """What the user gave is wrong; the message is one line that names it and the remedy."""


class ConfigError(UserError):
    """A configuration key, value or file is wrong."""


class PluginError(UserError):
    """A plugin is missing, broken or provided by two distributions."""


class DataError(UserError):
    """Recorded data cannot be read as what it claims to be."""


class RunError(UltrammError):
    """A run that was asked for correctly failed."""
