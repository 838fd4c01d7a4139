"""From plain values (YAML, JSON) to the parts of a space, with every wrong type and unknown key found at once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from asymnas.core.errors import SpaceError, nearest, shown
from asymnas.space._checks import Finding, Key
from asymnas.space._lists import as_fix, as_groups, as_tie, as_without
from asymnas.space._model import Branch, Constraint, Mixer, Stage, Stem
from asymnas.space.mixers import MIXERS

__all__ = ["Parser"]

_MISSING = object()
_MOST_BLOCKS, _MOST_DIMENSIONS = 1000, 8
_MOST, _LARGEST = 1_000_000, 1e30  # of whole numbers and of limits: what is computed from them stays a finite number
_SPACE_KEYS = (
    *("name", "description", "extends", "ops", "width", "branches"),
    *("share_weights", "tie", "fix", "without", "constraints"),
)


class Parser:
    """Reads one space; `findings` holds all that is wrong with it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._ops: tuple[str, ...] | None = None
        self._width: float = 1

    def space(self, raw: Any) -> dict[str, Any] | None:
        """Return the arguments of `SearchSpace`, or None where the branches cannot be read."""
        if not self._mapping(raw, (), _SPACE_KEYS):
            return None
        if raw.get("extends") is not None:
            self._wrong(("extends",), "only `load_space` follows `extends`", raw["extends"])
        before = len(self.findings)
        self._ops = self._names(raw, (), "ops", None)
        self._width = self._number(raw, (), "width", 1)
        branches = tuple(self._each(raw, (), "branches", self._branch))
        whole = len(self.findings) == before
        fields = {
            "name": self._text(raw, (), "name", "unnamed"),
            "description": self._text(raw, (), "description", ""),
            "branches": branches,
            "share_weights": as_groups(raw.get("share_weights"), self.findings),
            "tie": as_tie(raw.get("tie"), self.findings),
            "fix": as_fix(raw.get("fix"), self.findings),
            "without": as_without(raw.get("without"), self.findings),
            "constraints": self._constraints(raw.get("constraints"), branches if whole else ()),
        }
        return fields if whole else None

    def _wrong(self, key: Key, rule: str, value: Any, way_out: str = "") -> None:
        self.findings.append(Finding(key, rule, shown(value), way_out))

    def _mapping(self, raw: Any, key: Key, known: Sequence[str]) -> bool:
        if not isinstance(raw, Mapping):
            self._wrong(key, "a mapping is needed", raw)
            return False
        for name in raw:
            if name not in known:
                self.findings.append(Finding((*key, str(name)), "unknown key", f"'{name}'", nearest(str(name), known)))
        return True

    def _take(self, raw: Mapping[str, Any], key: Key, name: str, default: Any) -> Any:
        if raw.get(name) is None:
            if default is _MISSING:
                self.findings.append(Finding((*key, name), f"'{name}' is needed", "nothing"))
            return None
        return raw[name]

    def _text(self, raw: Mapping[str, Any], key: Key, name: str, default: Any = _MISSING) -> Any:
        value = self._take(raw, key, name, default)
        if value is None:
            return "" if default is _MISSING else default
        if not isinstance(value, str):
            self._wrong((*key, name), "a text is needed", value)
            return ""
        return value

    def _choice(self, raw: Mapping[str, Any], key: Key, name: str, allowed: Sequence[str], default: Any) -> Any:
        value = self._text(raw, key, name, default)
        if value and value not in allowed:
            self._wrong((*key, name), f"one of {', '.join(allowed)} is needed", value, nearest(value, allowed))
        return value

    def _count(self, raw: Mapping[str, Any], key: Key, name: str, default: Any = _MISSING) -> int:
        value = self._take(raw, key, name, default)
        if value is None:
            return 1 if default is _MISSING else default
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
            self._wrong((*key, name), f"a whole number of at least 1 and at most {_MOST:,} is needed", value)
            return 1
        return value

    def _number(self, raw: Mapping[str, Any], key: Key, name: str, default: float | None) -> Any:
        value = self._take(raw, key, name, default)
        if value is None:
            return default
        if isinstance(value, str):  # YAML 1.1 reads 1e9 and 1.5e9 as text
            with contextlib.suppress(ValueError):
                value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
            self._wrong((*key, name), f"a number of at least 0 and at most {_LARGEST:g} is needed", value)
            return default
        return int(value) if float(value).is_integer() else value

    def _flag(self, raw: Mapping[str, Any], key: Key, name: str, default: bool) -> bool:
        value = self._take(raw, key, name, default)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self._wrong((*key, name), "true or false is needed", value)
        return default

    def _names(self, raw: Mapping[str, Any], key: Key, name: str, default: Any = _MISSING) -> Any:
        value = self._take(raw, key, name, default)
        if value is None:
            return () if default is _MISSING else default
        if not isinstance(value, list | tuple) or not value or not all(isinstance(item, str) for item in value):
            self._wrong((*key, name), "a list of names is needed", value)
            return ()
        return tuple(value)

    def _each(self, raw: Mapping[str, Any], key: Key, name: str, read: Any) -> list[Any]:
        value = self._take(raw, key, name, _MISSING)
        if value is None:
            return []
        if not isinstance(value, Mapping) or not value:
            self._wrong((*key, name), "a mapping from names to their contents is needed", value)
            return []
        for part in value:
            if not isinstance(part, str):  # YAML reads on, no and 1 as other things than text
                self._wrong((*key, name, str(part)), "a name is a text", part, "Put it in quotes.")
        return [read(item, (*key, name, str(part)), str(part)) for part, item in value.items()]

    def _branch(self, raw: Any, key: Key, name: str) -> Branch:
        known = ("input_channels", "input_size", "rate", "stem", "stages")
        if not self._mapping(raw, key, known):
            raw = {}
        return Branch(
            name=name,
            input_channels=self._count(raw, key, "input_channels"),
            input_size=self._size(raw, key),
            rate=self._choice(raw, key, "rate", ("frame", "video"), "frame"),
            stem=self._stem(raw.get("stem"), (*key, "stem")),
            stages=tuple(self._each(raw, key, "stages", self._stage)),
        )

    def _size(self, raw: Mapping[str, Any], key: Key) -> int | tuple[int, ...]:
        value = self._take(raw, key, "input_size", _MISSING)
        sizes = value if isinstance(value, list | tuple) and value else [value]
        whole = all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= _MOST for n in sizes)
        if value is not None and not (whole and len(sizes) <= _MOST_DIMENSIONS):
            rule = "a whole number (a square image) or a list with one whole number a dimension is needed"
            way_out = f"Each is from 1 to {_MOST:,}, for at most {_MOST_DIMENSIONS} dimensions."
            self._wrong((*key, "input_size"), rule, value, way_out)
            return 1
        return tuple(value) if isinstance(value, list | tuple) else (value or 1)

    def _stem(self, raw: Any, key: Key) -> Stem | None:
        if raw is None or not self._mapping(raw, key, ("op", "channels", "stride")):
            return None
        op, channels = self._text(raw, key, "op"), self._count(raw, key, "channels")
        return Stem(op=op, channels=channels, stride=self._count(raw, key, "stride", 1))

    def _stage(self, raw: Any, key: Key, name: str) -> Stage:
        if not self._mapping(raw, key, ("channels", "stride", "blocks", "form", "ops", "mixer")):
            raw = {}
        ops = self._names(raw, key, "ops", _MISSING if self._ops is None else self._ops)
        return Stage(
            name=name,
            channels=self._channels(raw, key),
            stride=self._count(raw, key, "stride", 1),
            blocks=self._blocks(raw, key),
            form=self._choice(raw, key, "form", ("auto", "mapping"), "auto"),
            ops=ops,
            mixer=self._mixer(raw.get("mixer"), (*key, "mixer"), ops),
        )

    def _blocks(self, raw: Mapping[str, Any], key: Key) -> int:
        blocks = self._count(raw, key, "blocks")
        if blocks > _MOST_BLOCKS:
            self._wrong((*key, "blocks"), f"a stage has at most {_MOST_BLOCKS} blocks", blocks)
            return 1
        return blocks

    def _channels(self, raw: Mapping[str, Any], key: Key) -> int:
        channels = self._count(raw, key, "channels")
        scaled = channels * self._width
        if scaled < 1 or not float(scaled).is_integer():
            rule = f"channels x width is a whole number, but {channels} x {self._width} is not"
            self.findings.append(Finding((*key, "channels"), rule, f"{scaled:g}"))
            return channels
        if scaled > _MOST:
            rule = f"channels x width is at most {_MOST:,}"
            self.findings.append(Finding((*key, "channels"), rule, f"{channels} x {self._width:g}"))
            return channels
        return int(scaled)

    def _mixer(self, raw: Any, key: Key, ops: tuple[str, ...]) -> Mixer | None:
        if not isinstance(raw, Mapping):
            if raw is not None:
                self._wrong(key, "a mapping is needed", raw)
            return None
        kind = self._text(raw, key, "kind", "moda")
        own = {name: value for name, value in raw.items() if name not in ("name", "kind", "from", "ops")}
        options = {name: value for name, value in own.items() if not name.startswith("ops_")}
        try:
            blocks = MIXERS.get(kind).blocks(MIXERS.get(kind).options.model_validate(options))
        except (SpaceError, ValidationError) as error:
            self._wrong(key, str(error), kind)
            return None
        every = self._names(raw, key, "ops", ops)
        return Mixer(
            name=self._text(raw, key, "name"),
            kind=kind,
            reads=self._text(raw, key, "from", "language"),
            ops={block: self._names(raw, key, f"ops_{block}", every) for block in blocks},
            options=options,
        )

    def _constraints(self, raw: Any, branches: Sequence[Branch]) -> tuple[Constraint, ...]:
        if raw is None:
            return ()
        if not isinstance(raw, list | tuple):
            self._wrong(("constraints",), "a list of constraints is needed", raw)
            return ()
        found = (self._constraint(item, ("constraints", n), branches) for n, item in enumerate(raw))
        return tuple(item for item in found if item is not None)

    def _constraint(self, raw: Any, key: Key, branches: Sequence[Branch]) -> Constraint | None:
        before = len(self.findings)
        if not self._mapping(raw, key, ("measure", "max", "min", "branch", "amortised", "op", "genes")):
            return None
        measure = self._choice(raw, key, "measure", ("macs", "params", "count"), _MISSING)
        low, high = self._number(raw, key, "min", None), self._number(raw, key, "max", None)
        branch, op = self._text(raw, key, "branch", None), self._text(raw, key, "op", None)
        amortised = None if raw.get("amortised") is None else self._count(raw, key, "amortised")
        if low is None and high is None:
            self._wrong(key, "a constraint has `max`, `min` or both", "neither")
        elif low is not None and high is not None and low > high:
            self._wrong(key, "`min` is at most `max`", f"{low} > {high}")
        if measure == "count" and op is None:
            self._wrong((*key, "op"), "a count constraint names the op it counts", "none")
        if measure != "count" and (op is not None or raw.get("genes") is not None):
            self._wrong(key, "`op` and `genes` are for `measure: count`", measure)
        if branch is not None and measure == "count":
            self._wrong((*key, "branch"), "a count names its places by `genes`", branch, f"Write `genes: {branch}.*`.")
        if amortised is not None and (measure != "macs" or branch is not None):
            self._wrong((*key, "amortised"), "only macs over all branches are amortised", measure)
        known = [item.name for item in branches]
        if branch is not None and known and branch not in known:
            self._wrong((*key, "branch"), "the branch is not known", branch, nearest(branch, known))
        genes = self._text(raw, key, "genes", "*")
        if len(self.findings) > before:
            return None
        return Constraint(measure=measure, max=high, min=low, branch=branch, amortised=amortised, op=op, genes=genes)
