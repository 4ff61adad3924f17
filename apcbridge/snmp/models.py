"""What a first-generation unit knows of itself and not every console screen shows.

Ratings are those of the catalogue names (derated amperes for North American units); orientation, layout, bank rating,
voltage and the factory's thresholds are from walks of an AP7900, an AP7931 and an AP7902B, the voltages of the
Japanese and the three-phase units from RackTables' list of models. What is not listed gets the neutral values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

HORIZONTAL = 1
VERTICAL = 2
VOLTAGE_UNKNOWN = -1
"""What a unit shows that has no such setting; LibreNMS skips it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Amperes and volts, as rPDUIdentDeviceRating and rPDUIdentDeviceLinetoLineVoltage show them."""

    rating_a: int | None = None
    volts: int = VOLTAGE_UNKNOWN
    orientation: int = HORIZONTAL
    bank_rating_a: int = 0
    near_a: int | None = None
    """The factory's near overload threshold of a phase, where it is not four fifths of the rating."""

    @property
    def phase_thresholds_a(self) -> tuple[int, int] | None:
        """Return the factory's near overload and overload thresholds of a phase; None for an unknown model."""
        if self.rating_a is None:
            return None
        return self.near_a or self.rating_a * 4 // 5, self.rating_a

    @property
    def bank_thresholds_a(self) -> tuple[int, int] | None:
        """Return those of a bank."""
        return (self.bank_rating_a * 4 // 5, self.bank_rating_a) if self.bank_rating_a else None


ON_DELAY_S = OFF_DELAY_S = LOW_LOAD_A = 0
REBOOT_DURATION_S = 5
"""The factory's settings of every outlet and load."""

_UNKNOWN = ModelFacts()
_MODELS = {
    "AP7900": ModelFacts(rating_a=12, volts=120, near_a=8),
    "AP7901": ModelFacts(rating_a=16, volts=120),
    "AP7902": ModelFacts(rating_a=24, volts=120, bank_rating_a=20),
    "AP7911": ModelFacts(rating_a=24, volts=208, bank_rating_a=20),
    "AP7920": ModelFacts(rating_a=12, volts=208),
    "AP7921": ModelFacts(rating_a=16, volts=230),
    "AP7922": ModelFacts(rating_a=32, volts=230, bank_rating_a=16),
    "AP7930": ModelFacts(rating_a=16, volts=120, orientation=VERTICAL),
    "AP7931": ModelFacts(rating_a=12, volts=120, orientation=VERTICAL, near_a=10),
    "AP7932": ModelFacts(rating_a=24, volts=120, orientation=VERTICAL, bank_rating_a=20),
    "AP7940": ModelFacts(rating_a=16, volts=208, orientation=VERTICAL),
    "AP7941": ModelFacts(rating_a=24, volts=208, orientation=VERTICAL, bank_rating_a=20),
    "AP7950": ModelFacts(rating_a=10, volts=230, orientation=VERTICAL),
    "AP7951": ModelFacts(rating_a=16, volts=230, orientation=VERTICAL),
    "AP7952": ModelFacts(rating_a=16, volts=230, orientation=VERTICAL),
    "AP7953": ModelFacts(rating_a=32, volts=230, orientation=VERTICAL, bank_rating_a=16),
    "AP7954": ModelFacts(rating_a=16, volts=230, orientation=VERTICAL),
    "AP7957": ModelFacts(volts=400),
    "AP7960": ModelFacts(volts=208),
    "AP7961": ModelFacts(volts=208),
    "AP7968": ModelFacts(volts=208),
    "AP7990": ModelFacts(volts=208),
    "AP7991": ModelFacts(volts=208),
    "AP7998": ModelFacts(volts=208),
}
_JAPANESE_VOLTS = 100


def facts_of(model: str | None) -> ModelFacts:
    """Return what is known of a model by its number; of the suffixes only the Japanese one (``AP7902J``) matters."""
    name = (model or "").upper()
    found = _MODELS.get(name[:6], _UNKNOWN)
    return replace(found, volts=_JAPANESE_VOLTS) if name[6:] == "J" and name[:6] in _MODELS else found
