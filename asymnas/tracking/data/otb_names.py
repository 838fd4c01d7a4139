"""Names of the OTB targets: the 100 of OTB-100, the 48 + 51 of OTB99-LANG, and the spellings in use."""

from __future__ import annotations

import re

__all__ = ["OTB99_TEST", "OTB99_TRAIN", "OTB100", "RANGES", "STARTS", "otb99_name", "otb_aliases", "otb_target"]

_ALL = """
    Basketball Biker Bird1 Bird2 BlurBody BlurCar1 BlurCar2 BlurCar3 BlurCar4 BlurFace BlurOwl Board Bolt Bolt2 Box Boy
    Car1 Car2 Car24 Car4 CarDark CarScale ClifBar Coke Couple Coupon Crossing Crowds Dancer Dancer2 David David2 David3
    Deer Diving Dog Dog1 Doll DragonBaby Dudek FaceOcc1 FaceOcc2 Fish FleetFace Football Football1 Freeman1 Freeman3
    Freeman4 Girl Girl2 Gym Human2 Human3 Human4-2 Human5 Human6 Human7 Human8 Human9 Ironman Jogging-1 Jogging-2 Jump
    Jumping KiteSurf Lemming Liquor Man Matrix Mhyang MotorRolling MountainBike Panda RedTeam Rubik Shaking Singer1
    Singer2 Skater Skater2 Skating1 Skating2-1 Skating2-2 Skiing Soccer Subway Surfer Suv Sylvester Tiger1 Tiger2 Toy
    Trans Trellis Twinnings Vase Walking Walking2 Woman
"""
OTB100: tuple[str, ...] = tuple(_ALL.split())
"""The targets of OTB-100; a number after `-` is the target's number in a video with several."""

_HELD_OUT = """
    Biker Bird1 Bird2 BlurBody BlurCar1 BlurCar2 BlurCar3 BlurCar4 BlurFace BlurOwl Board Bolt2 Box Car1 Car2 Car24
    Coupon Crowds Dancer Dancer2 Diving Dog DragonBaby Girl2 Gym Human2 Human3 Human4 Human5 Human6 Human7 Human8 Human9
    Jump KiteSurf Man Panda RedTeam Rubik Skater Skater2 Skating2-1 Skating2-2 Surfer Toy Trans Twinnings Vase
"""
OTB99_TEST: tuple[str, ...] = tuple(_HELD_OUT.split())
"""The 48 test videos of OTB99-LANG; its `Human4` is the target `Human4-2` of OTB-100."""

# First and last frame number of the videos that OTB annotates in part.
RANGES = {
    "BlurCar1": (247, 988),
    "David": (300, 770),
    "Diving": (1, 215),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
    "Tiger1": (6, 354),
}
STARTS = {"blurcar1": 247, "blurcar3": 3, "blurcar4": 18, "david": 300, "tiger1": 6}
"""First frames of the videos that do not start at frame 1, in small letters."""


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


# Spellings that letters and digits alone do not lead to their target: JointNLT counts the skaters as 2 and 3.
_OTHER = {"Human4": "Human4-2", "Jogging": "Jogging-1", "Skating2": "Skating2-1", "Skating3": "Skating2-2"}
_TARGETS = {_key(name): name for name in OTB100} | {_key(other): name for other, name in _OTHER.items()}


def otb_target(name: str) -> str | None:
    """Return the target of OTB-100 that a spelling means, e.g. `Jogging-1` for `jogging.1`; None for none."""
    return _TARGETS.get(_key(name))


def otb99_name(name: str) -> str | None:
    """Return the name in OTB99-LANG of a target in any spelling; None for `ClifBar`, which it lacks, and others."""
    target = otb_target(name)
    return None if target in (None, "ClifBar") else "Human4" if target == "Human4-2" else target


OTB99_TRAIN: tuple[str, ...] = tuple(
    name for name in map(otb99_name, OTB100) if name is not None and name not in OTB99_TEST
)
"""The 51 training videos of OTB99-LANG: the targets of OTB-2013."""


def otb_aliases(name: str) -> tuple[str, ...]:
    """Return the other spellings in use of a target's name, in results and copies of the benchmark."""
    target = otb_target(name)
    if target is None:
        return ()
    video, mark, number = target.partition("-")
    spellings = [video + separator + number for separator in "-._"] + [video + number] if mark else [target]
    spellings += [other for other, meant in _OTHER.items() if meant == target]
    return tuple(spelling for spelling in spellings if spelling != name)
