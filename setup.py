"""Maps the folders of the repository to import names; their subpackages are found, not listed."""

from setuptools import find_packages, setup

FOLDERS = {
    "ballgan": "ballgan",
    "ballgan.assets": "assets",
    "ballgan_viewer": "viewer",
    "ballgan_viewer.shaders": "shaders",
    "ballgan_train": "train",
}

setup(
    package_dir=FOLDERS,
    packages=[
        package
        for name, folder in FOLDERS.items()
        for package in (name, *(f"{name}.{below}" for below in find_packages(folder)))
    ],
)
