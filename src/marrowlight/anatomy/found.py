"""What was found of the bones of a study: the map, how far each bone is trusted, and the joint."""

from __future__ import annotations

from dataclasses import dataclass

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.notice import Notice
from marrowlight.study.study import Joint, Side


@dataclass(frozen=True, slots=True)
class BoneTrust:
    """One expected bone of the joint, read or not.

    Parameters
    ----------
    bone : str
        Registry id.
    side : Side
    confidence : float
        0..1, from the agreement of planes and series and the network's own probability. It ranks;
        it is no probability of being right.
    read : bool
        Whether the bone is in the map.
    reason : str
        Plain words why it is not read; empty if it is.
    cut_off : bool
        Whether the field of view cuts it where it should not end. A shaft may end at the border.
    volume_mm3 : float
        Of what was drawn, read or not; 0 if nothing was.
    """

    bone: str
    side: Side
    confidence: float
    read: bool
    reason: str
    cut_off: bool
    volume_mm3: float


@dataclass(frozen=True, eq=False)
class BonesFound:
    """Bones of a study, found without being told.

    Parameters
    ----------
    bones : BoneMap
        Only bones that are read; registry labels, left ones +100 where the map holds both sides.
        On the grid of the best series.
    trust : tuple of BoneTrust
        One per expected bone and side, in the order of the registry.
    joint : Joint
    joint_shares : dict
        The network's shares of hip, knee, ankle, sacroiliac and other; they sum to 1.
    series_used : tuple of str
        Ids, the best series first.
    weights_sha256 : str
    notices : tuple of Notice
    """

    bones: BoneMap
    trust: tuple[BoneTrust, ...]
    joint: Joint
    joint_shares: dict[Joint, float]
    series_used: tuple[str, ...]
    weights_sha256: str
    notices: tuple[Notice, ...] = ()

    def of(self, bone: str, side: Side | None = None) -> BoneTrust | None:
        """The trust of a bone (of one side where ``side`` is given); None if not expected."""
        return next(
            (t for t in self.trust if t.bone == bone and side in (None, t.side)),
            None,
        )
