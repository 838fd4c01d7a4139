"""Finds the packages; everything else of the packaging is in setup.cfg."""

from setuptools import find_packages, setup

HOMES = {
    "asymnas": "asymnas",
    "asymnas_trackers": "trackers",
    "asymnas_spaces": "search_spaces",
    "asymnas_jobs": "jobs",
}

setup(
    packages=[
        name + package.removeprefix(folder)
        for name, folder in HOMES.items()
        for package in find_packages(include=[folder, f"{folder}.*"])
    ]
)
