"""The exceptions that the printer library raises.

Every class carries a stable ``code`` and its facts in ``details``: a user interface
can look up a sentence by the code and fill in the details, in any language.
Nothing secret (access code, serial number) ever becomes part of a message.
"""

from typing import ClassVar


class BambuError(Exception):
    """Base of everything this library raises on purpose."""

    code: ClassVar[str] = "unknown"

    def __init__(self, message: str = "", **details: object) -> None:
        """Keep the details as text, ready to be put into a sentence."""
        super().__init__(message or self.code.replace("_", " "))
        self.details = {key: str(value) for key, value in details.items()}


class PrinterConnectionError(BambuError):
    """The printer cannot be reached, or is not what it should be."""

    code = "cannot_connect"


class HostUnreachableError(PrinterConnectionError):
    """No route, no such name, or the network is down."""

    code = "unreachable"


class PortRefusedError(PrinterConnectionError):
    """A machine answers at the address, but nothing listens on the port."""

    code = "refused"


class ConnectTimeoutError(PrinterConnectionError):
    """Nothing answered in time."""

    code = "timed_out"


class HungUpError(PrinterConnectionError):
    """The right printer answered, but ended the conversation before it let us in.

    Printers that have as many clients as they can take do so.
    """

    code = "hung_up"


class NotAPrinterError(PrinterConnectionError):
    """Something listens there, but it does not present a printer's certificate."""

    code = "not_a_printer"


class WrongSerialError(PrinterConnectionError):
    """The certificate belongs to another printer than the one asked for."""

    code = "wrong_serial"


class CertificateChangedError(PrinterConnectionError):
    """The certificate is not issued by the authority that was pinned.

    Raised before any credential is sent.
    """

    code = "certificate_changed"


class InvalidAccessCodeError(PrinterConnectionError):
    """The printer refuses the access code (CONNACK 4 or 5)."""

    code = "invalid_auth"


class NoReportError(PrinterConnectionError):
    """Login and subscription worked, but no report arrives.

    A printer whose serial number is not the one in the topic behaves so: it accepts
    everything and stays silent.
    """

    code = "no_report"


class CameraError(BambuError):
    """The printer can be reached, but its camera shows nothing."""

    code = "camera_failed"


class CameraOffError(CameraError):
    """The live view is switched off at the printer."""

    code = "camera_off"


class CameraRefusedError(CameraError):
    """The camera hangs up, or says no, instead of accepting the access code."""

    code = "camera_refused"


class CameraReleasedError(CameraError):
    """The session is paused, and with it the camera."""

    code = "camera_released"


class CameraSilentError(CameraError):
    """The camera accepts us and sends nothing: mostly somebody else is watching."""

    code = "camera_silent"


class NotConnectedError(PrinterConnectionError):
    """A command was given while there is no session to send it through."""

    code = "not_connected"


class CommandError(BambuError):
    """A command could not be carried out."""

    code = "command_failed"


class CommandRejectedError(CommandError):
    """The printer answered, and refused."""

    code = "command_rejected"

    def __init__(self, command: str, reason: str, err_code: int = 0) -> None:
        """Remember the printer's own words and its error number."""
        self.err_code = err_code
        super().__init__(
            f"{command} refused: {reason}",
            command=command,
            reason=reason,
            err_code=f"{err_code >> 16:04X}-{err_code & 0xFFFF:04X}",
        )


class NotAuthorizedError(CommandRejectedError):
    """The firmware wants signed commands: Developer Mode is off."""

    code = "not_authorized"


class NoUpdateError(CommandError):
    """The printer offers no update of its firmware."""

    code = "no_update"


class CommandTimeoutError(CommandError):
    """The printer did not acknowledge the command in time."""

    code = "command_timeout"

    def __init__(self, command: str, seconds: float) -> None:
        """Remember what was asked and how long we waited."""
        super().__init__(
            f"no answer to {command} within {seconds:g} s",
            command=command,
            seconds=f"{seconds:g}",
        )


class UnsupportedError(CommandError):
    """This printer lacks the hardware or the firmware for it."""

    code = "not_supported"

    def __init__(self, feature: str, model: str) -> None:
        """Remember what is missing, and on which model."""
        super().__init__(f"{model} has no {feature}", feature=feature, model=model)


class OutOfRangeError(CommandError, ValueError):
    """An argument is outside of what the printer allows."""

    code = "out_of_range"

    def __init__(
        self, name: str, value: float, minimum: float, maximum: float, unit: str = ""
    ) -> None:
        """Remember the value and its limits."""
        super().__init__(
            f"{name} {value:g} is not within {minimum:g} and {maximum:g} {unit}".rstrip(),
            name=name,
            value=f"{value:g}",
            minimum=f"{minimum:g}",
            maximum=f"{maximum:g}",
            unit=unit,
        )


class InvalidValueError(CommandError, ValueError):
    """An argument is none of the values that exist."""

    code = "invalid_value"

    def __init__(self, name: str, value: object) -> None:
        """Remember the argument's name and what was given."""
        super().__init__(f"{value!r} is no {name}", name=name, value=value)


class MappingLengthError(InvalidValueError):
    """A mapping to slots has not one entry for each filament of the project."""

    code = "mapping_length"

    def __init__(self, count: int, given: int) -> None:
        """Remember how many there must be, and how many there are."""
        CommandError.__init__(
            self,
            f"the project has {count} filaments, and the mapping {given} entries",
            count=count,
            given=given,
        )


class WrongStateError(CommandError):
    """The printer's state does not allow it now."""

    code = "wrong_state"

    def __init__(self, command: str, state: str) -> None:
        """Remember the state that forbids the command."""
        super().__init__(
            f"{command} is not possible while {state}", command=command, state=state
        )


class PrintRefusedError(CommandError):
    """A print cannot be started, or objects cannot be skipped, for what the file says."""

    code = "print_refused"


class PlateMissingError(PrintRefusedError):
    """The project has no such plate, or several of which none was chosen."""

    code = "plate_missing"

    def __init__(self, path: str, plates: str) -> None:
        """Remember the plates that there are."""
        super().__init__(
            f"{path} has plates {plates}: choose one", path=path, plates=plates
        )


class ModelMismatchError(PrintRefusedError):
    """The file was sliced for another model; this can be overruled."""

    code = "model_mismatch"

    def __init__(self, sliced_for: str, model: str) -> None:
        """Remember both models."""
        super().__init__(
            f"sliced for {sliced_for}, not for {model}",
            sliced_for=sliced_for,
            model=model,
        )


class NozzleMismatchError(PrintRefusedError):
    """The file was sliced for another nozzle; this can be overruled."""

    code = "nozzle_mismatch"

    def __init__(self, sliced_for: str, mounted: str) -> None:
        """Remember both diameters in mm."""
        super().__init__(
            f"sliced for a nozzle of {sliced_for} mm, mounted is {mounted} mm",
            sliced_for=sliced_for,
            mounted=mounted,
        )


class FilamentMissingError(PrintRefusedError):
    """There is no slot for a filament of the plate."""

    code = "filament_missing"

    def __init__(self, filaments: str) -> None:
        """Remember which filaments, and why."""
        super().__init__(f"no slot for {filaments}", filaments=filaments)


class MaterialMismatchError(PrintRefusedError):
    """A slot that was chosen holds another material; this can be overruled."""

    code = "material_mismatch"

    def __init__(self, filaments: str) -> None:
        """Remember what was sliced, and what is there."""
        super().__init__(f"another material: {filaments}", filaments=filaments)


class NameWithSpaceError(PrintRefusedError):
    """Printers of this model ignore the start of a file with a space in its path."""

    code = "name_with_space"

    def __init__(self, path: str) -> None:
        """Remember the path."""
        super().__init__(f"{path} has a space in it", path=path)


class StartFailedError(CommandError):
    """The printer took the command, and then could not print the file."""

    code = "start_failed"

    def __init__(self, err_code: int) -> None:
        """Remember the printer's error number."""
        self.err_code = err_code
        super().__init__(
            f"error {err_code:08X}",
            err_code=f"{err_code >> 16:04X}-{err_code & 0xFFFF:04X}",
        )


class ObjectsUnknownError(PrintRefusedError):
    """Objects are given by name, and the file of the running job is not known."""

    code = "objects_unknown"


class NoSuchObjectError(PrintRefusedError):
    """The plate has no such objects."""

    code = "no_such_object"

    def __init__(self, wanted: str, objects: str) -> None:
        """Remember what was asked for, and what there is."""
        super().__init__(f"no {wanted} among {objects}", wanted=wanted, objects=objects)


class AmbiguousObjectError(PrintRefusedError):
    """Several objects have the name: only their numbers tell them apart."""

    code = "ambiguous_object"

    def __init__(self, name: str, numbers: str) -> None:
        """Remember the name, and the numbers that it may stand for."""
        super().__init__(f"{name} may be {numbers}", name=name, numbers=numbers)


class NotSkippableError(PrintRefusedError):
    """The plate was sliced without the labels that skipping needs, or has too many objects."""

    code = "not_skippable"

    def __init__(self, limit: int) -> None:
        """Remember how many objects a plate may have."""
        super().__init__("objects of this plate cannot be skipped", limit=limit)


class NothingLeftError(PrintRefusedError):
    """Without these objects nothing would be left to print: stop the job instead."""

    code = "nothing_left"


class DryingRefusedError(CommandError):
    """The AMS says why it cannot dry now; nothing was sent.

    The first of its reasons decides which kind of this error it is.
    """

    code = "drying_refused"

    def __init__(self, reasons: str) -> None:
        """Remember the reasons, as keys joined by commas."""
        super().__init__(f"cannot dry: {reasons}")
        self.reasons = reasons


class DryingPrinterBusyError(DryingRefusedError):
    """The printer is busy with something else."""

    code = "drying_printer_busy"


class DryingNotEnoughPowerError(DryingRefusedError):
    """Others draw so much power that too little is left; this can be accepted."""

    code = "drying_not_enough_power"


class DryingAmsBusyError(DryingRefusedError):
    """The unit is busy with something else."""

    code = "drying_ams_busy"


class DryingFilamentAtOutletError(DryingRefusedError):
    """Filament is threaded: it would be heated where it must not soften."""

    code = "drying_filament_at_outlet"


class DryingStartingError(DryingRefusedError):
    """It has been told already, and is about to start."""

    code = "drying_starting"


class DryingNotIn2dModeError(DryingRefusedError):
    """The printer is being used as a laser or a cutter."""

    code = "drying_not_in_2d_mode"


class DryingAlreadyDryingError(DryingRefusedError):
    """It is drying."""

    code = "drying_already_drying"


class DryingUpdatingError(DryingRefusedError):
    """Firmware is being installed."""

    code = "drying_updating"


class DryingPowerAdapterNeededError(DryingRefusedError):
    """The unit does not dry on the power of the printer; this can be accepted."""

    code = "drying_power_adapter_needed"


class DryingUnloadByHandError(DryingRefusedError):
    """Somebody has to pull the filament out."""

    code = "drying_unload_by_hand"


class StorageError(BambuError):
    """Something is wrong with the printer's storage, or with what was asked of it."""

    code = "storage_failed"

    def __init__(self, path: str, reason: str) -> None:
        """Remember what it was about, and the printer's words."""
        super().__init__(f"{path}: {reason}", path=path, reason=reason)


class FileMissingError(StorageError):
    """There is no such file or folder, or no storage at all."""

    code = "file_missing"

    def __init__(self, path: str) -> None:
        """Remember what is missing."""
        BambuError.__init__(self, f"{path} does not exist", path=path)


class StorageFullError(StorageError):
    """Nothing more fits."""

    code = "storage_full"

    def __init__(self, path: str) -> None:
        """Remember what did not fit."""
        BambuError.__init__(self, f"no space for {path}", path=path)


class StorageDeniedError(StorageError):
    """The printer does not want to: in use, read-only, not empty, or unknown to it."""

    code = "storage_denied"


class TransferBrokenError(StorageError):
    """A transfer ended before it was complete; nothing half is left behind."""

    code = "transfer_broken"


class InvalidPathError(StorageError):
    """No file or folder on a printer can have this path."""

    code = "invalid_path"

    def __init__(self, path: str) -> None:
        """Remember what was given."""
        BambuError.__init__(self, f"{path!r} cannot be a path", path=path)


class ProjectError(BambuError):
    """A file is no sliced project, or one that cannot be trusted."""

    code = "bad_project"

    def __init__(self, path: str, reason: str) -> None:
        """Remember the file and what is wrong with it."""
        super().__init__(f"{path}: {reason}", path=path, reason=reason)


class ProjectIncompleteError(ProjectError):
    """An archive has no end: it is still being written, or was cut off."""

    code = "project_incomplete"


class ProjectTooLargeError(ProjectError):
    """A project would have to be downloaded as a whole, and is too large for that."""

    code = "project_too_large"

    def __init__(self, path: str, size: int, limit: int) -> None:
        """Remember sizes in bytes."""
        BambuError.__init__(
            self,
            f"{path}: {size} bytes would have to be fetched",
            path=path,
            size=f"{size / 1e6:.0f}",
            limit=f"{limit / 1e6:.0f}",
        )
