"""The filaments that every printer knows by a preset's id.

Presets that users make in the slicer have ids of their own (``P`` and seven digits); the
printer takes any id, and shows one that it does not know as unknown.  Temperatures are
the range of the nozzle, °C.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filament:
    """A filament preset."""

    id: str
    name: str
    type: str
    temp_min: int
    temp_max: int

    @property
    def setting_id(self) -> str:
        """The id of the preset's settings."""
        return f"GFS{self.id.removeprefix('GF')}" if self.id.startswith("GF") else ""


def _table(rows: str) -> tuple[Filament, ...]:
    found = []
    for row in rows.strip().splitlines():
        ident, kind, low, high, name = row.split(maxsplit=4)
        found.append(Filament(ident, name, kind, int(low), int(high)))
    return tuple(found)


FILAMENTS = _table("""
    GFA00 PLA     190 230 Bambu PLA Basic
    GFA01 PLA     190 230 Bambu PLA Matte
    GFA02 PLA     190 230 Bambu PLA Metal
    GFA03 PLA     190 230 Bambu PLA Impact
    GFA05 PLA     210 240 Bambu PLA Silk
    GFA06 PLA     210 240 Bambu PLA Silk+
    GFA07 PLA     190 230 Bambu PLA Marble
    GFA08 PLA     190 230 Bambu PLA Sparkle
    GFA09 PLA     190 230 Bambu PLA Tough
    GFA11 PLA-AERO 220 260 Bambu PLA Aero
    GFA12 PLA     190 230 Bambu PLA Glow
    GFA13 PLA     190 230 Bambu PLA Dynamic
    GFA15 PLA     190 230 Bambu PLA Galaxy
    GFA16 PLA     190 240 Bambu PLA Wood
    GFA50 PLA-CF  210 240 Bambu PLA-CF
    GFB00 ABS     240 280 Bambu ABS
    GFB01 ASA     240 280 Bambu ASA
    GFB02 ASA-AERO 240 280 Bambu ASA-Aero
    GFB50 ABS-GF  240 280 Bambu ABS-GF
    GFB51 ASA-CF  250 280 Bambu ASA-CF
    GFB60 ABS     240 280 PolyLite ABS
    GFB61 ASA     240 280 PolyLite ASA
    GFB98 ASA     240 280 Generic ASA
    GFB99 ABS     240 280 Generic ABS
    GFC00 PC      260 290 Bambu PC
    GFC01 PC      260 290 Bambu PC FR
    GFC99 PC      260 290 Generic PC
    GFG00 PETG    230 260 Bambu PETG Basic
    GFG01 PETG    230 260 Bambu PETG Translucent
    GFG02 PETG    230 270 Bambu PETG HF
    GFG50 PETG-CF 240 270 Bambu PETG-CF
    GFG60 PETG    230 260 PolyLite PETG
    GFG96 PETG    220 270 Generic PETG HF
    GFG97 PCTG    240 270 Generic PCTG
    GFG98 PETG-CF 240 270 Generic PETG-CF
    GFG99 PETG    220 270 Generic PETG
    GFL00 PLA     190 230 PolyLite PLA
    GFL01 PLA     190 230 PolyTerra PLA
    GFL03 PLA     190 230 eSUN PLA+
    GFL04 PLA     190 230 Overture PLA
    GFL05 PLA     190 230 Overture Matte PLA
    GFL95 PLA     190 230 Generic PLA High Speed
    GFL96 PLA     190 240 Generic PLA Silk
    GFL98 PLA-CF  190 240 Generic PLA-CF
    GFL99 PLA     190 240 Generic PLA
    GFN03 PA-CF   260 290 Bambu PA-CF
    GFN04 PA-CF   260 290 Bambu PAHT-CF
    GFN05 PA6-CF  260 290 Bambu PA6-CF
    GFN06 PPA-CF  280 310 Bambu PPA-CF
    GFN08 PA6-GF  260 290 Bambu PA6-GF
    GFN96 PPA-GF  280 310 Generic PPA-GF
    GFN97 PPA-CF  280 310 Generic PPA-CF
    GFN98 PA-CF   260 300 Generic PA-CF
    GFN99 PA      260 300 Generic PA
    GFP95 PP-GF   220 260 Generic PP-GF
    GFP96 PP-CF   220 260 Generic PP-CF
    GFP97 PP      220 260 Generic PP
    GFP98 PE-CF   175 220 Generic PE-CF
    GFP99 PE      175 220 Generic PE
    GFR98 PHA     190 230 Generic PHA
    GFR99 EVA     175 220 Generic EVA
    GFS00 PLA-S   190 250 Bambu Support W
    GFS01 PA-S    260 290 Bambu Support G
    GFS02 PLA-S   190 230 Bambu Support For PLA
    GFS03 PA-S    260 290 Bambu Support For PA/PET
    GFS04 PVA     220 250 Bambu PVA
    GFS05 PLA-S   190 230 Bambu Support For PLA/PETG
    GFS06 ABS-S   240 280 Bambu Support for ABS
    GFS97 BVOH    190 240 Generic BVOH
    GFS98 HIPS    220 270 Generic HIPS
    GFS99 PVA     190 240 Generic PVA
    GFT01 PET-CF  260 300 Bambu PET-CF
    GFT02 PPS-CF  310 340 Bambu PPS-CF
    GFT97 PPS     300 340 Generic PPS
    GFT98 PPS-CF  310 340 Generic PPS-CF
    GFU00 TPU     200 250 Bambu TPU 95A HF
    GFU01 TPU     200 250 Bambu TPU 95A
    GFU02 TPU-AMS 220 240 Bambu TPU for AMS
    GFU98 TPU-AMS 220 240 Generic TPU for AMS
    GFU99 TPU     200 250 Generic TPU
""")

_BY_ID = {filament.id.casefold(): filament for filament in FILAMENTS}
_BY_NAME = {filament.name.casefold(): filament for filament in FILAMENTS}


def find_filament(text: str) -> Filament | None:
    """Return the preset with this id, name, or name without its maker; None: there is none.

    A mere material (``PETG``) stands for its generic preset.
    """
    key = text.strip().casefold()
    return (
        _BY_ID.get(key)
        or _BY_NAME.get(key)
        or _BY_NAME.get(f"bambu {key}")
        or _BY_NAME.get(f"generic {key}")
    )


def search_filaments(text: str = "") -> tuple[Filament, ...]:
    """Return the presets whose id, name or material contains a text."""
    key = text.strip().casefold()
    return tuple(
        filament
        for filament in FILAMENTS
        if key in filament.name.casefold()
        or key == filament.type.casefold()
        or key in filament.id.casefold()
    )
