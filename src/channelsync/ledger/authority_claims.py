"""How much of an authority's reserve is ours. Pure arithmetic: rows are in `exports_lines`, readings in `authority_import`.

For one line of ours let D be the units that the authority's own documents have shipped and r what it holds for us. A shipment there turns r into D,
so r + D moves only when *we* export something else: that sum is what we can know while we are not looking. A reading of `units` at one instant
and of `reserved` at one not later is safe to apply if for every line

    proven + ours  <=  D (when `units` was read) + r (when `reserved` was read)                                              (1)

    proven: shipments taken off `pending_debit`, because they were known before the question was asked
    ours:   our part of `reserved`; the rest is `held_elsewhere`

because then available = on hand - (what the line still owes: ordered - proven) - held_elsewhere is at most what is really left. With
ours = least(r + D) - proven, least taken over everything that may have been true while the question was answered (an export in flight counts
with the smaller end), (1) holds; and at rest both sides are equal. proven and ours change only together, with a reading: between learning of a
shipment and the reading that contains it, units only pass from hard to pending_debit.

What no protocol can close: a person there who lowers our reserve or deletes a shipment is seen with the next look at our documents.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What is known of one exported line, in the authority's listing units.

    held, shipped: as last told. low, low_until: the least that held + shipped may have been while questions up to that number were answered;
    while an export is in flight, all questions.
    """

    held: int
    shipped: int
    shipped_seq: int
    proven: int
    low: int
    low_until: int
    in_flight: bool

    def least(self, question: int) -> int:
        """The least that held + shipped can have been while that question was answered."""
        now = self.held + self.shipped
        return min(now, self.low) if self.in_flight or question <= self.low_until else now

    def proven_by(self, question: int) -> int:
        """The shipments that a number asked for by that question is known to be without."""
        return self.shipped if question > self.shipped_seq else min(self.proven, self.shipped)

    def ours(self, question: int) -> int:
        """Our part of the reserve that the answer told, once `proven_by` of it is taken off."""
        return max(0, self.least(question) - self.proven_by(question))


def lowest(facts: LineFacts, after: int, *, still_open: bool) -> int:
    """`low` for a change to `after` (held + shipped). still_open: a question that fell into the last change may still be answered."""
    now = facts.held + facts.shipped
    return min(now, after, facts.low) if still_open or facts.in_flight else min(now, after)
