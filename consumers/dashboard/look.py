"""Colours of the plots in both themes; those of the page around them are in ``page.css``."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Theme: TypeAlias = Literal["light", "dark"]


class Look(NamedTuple):
    """Hex colours; ``heat`` runs from little to much, ``lines`` tell instruments apart in their order."""

    plot: str
    unknown: str
    ink: str
    faint: str
    grid: str
    best: str
    bought: str
    sold: str
    mark: str
    heat: tuple[str, ...]
    lines: tuple[str, ...]


LOOKS: Final[dict[Theme, Look]] = {
    "light": Look(
        plot="#ffffff",
        unknown="#eeeeeb",
        ink="#1d1d1b",
        faint="#6e6e69",
        grid="#ececea",
        best="#1d1d1b",
        bought="#0b8a4b",
        sold="#d1372c",
        mark="#b7791f",
        heat=("#f3f7fc", "#d3e3f3", "#a3c8e6", "#5ea3d4", "#2a77b9", "#0f4f94", "#08306b"),
        lines=("#2a78d6", "#d9730d", "#0b8a4b", "#8a4fd0", "#c2325f", "#5b6770"),
    ),
    "dark": Look(
        plot="#17171b",
        unknown="#232329",
        ink="#ececea",
        faint="#9c9c96",
        grid="#2a2a30",
        best="#f4f4f2",
        bought="#35d07f",
        sold="#ff6b5e",
        mark="#f0b429",
        heat=("#17171b", "#152a4d", "#17508f", "#2474b5", "#4a9fd8", "#94d0f2", "#eaf7ff"),
        lines=("#5aa2f0", "#f0994a", "#3ecf8e", "#b18af0", "#f07fa6", "#a8b3bb"),
    ),
}


def ramp(colours: tuple[str, ...], steps: int = 256) -> list[str]:
    """Colours between those of a list, evenly.

    >>> ramp(("#000000", "#0000ff"), 3)
    ['#000000', '#000080', '#0000ff']
    """
    points = [tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in colours]
    found = []
    for step in range(steps):
        place = step / (steps - 1) * (len(points) - 1)
        low = min(int(place), len(points) - 2)
        share = place - low
        mixed = [round(a + (b - a) * share) for a, b in zip(points[low], points[low + 1], strict=True)]
        found.append("#" + "".join(f"{part:02x}" for part in mixed))
    return found
