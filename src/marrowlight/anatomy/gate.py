"""The gate: which joint this is, whether it is the one that was named, and which bones to trust.

All thresholds of trust are on this page.
"""

from __future__ import annotations

from marrowlight.errors import NotThisJoint
from marrowlight.study.study import Joint, Study

FOUND_SHARE = 0.55
"""A joint that nobody named is taken from the network from this share on."""

NAMED_SHARE = 0.5
"""A joint that was named (by the user or by the files) is refused below this share."""

OTHER_SHARE = 0.5
"""From this share on the image is of another part of the body, whatever was named."""

LEAST_CONFIDENCE = 0.65
"""A bone below this is not read. It is the geometric mean of the network's probability inside the
bone and of the Dice of every plane and series with the result."""

CUT_SHARE = 0.25
"""A bone is cut off if a border of the field of view, where it should not end, cuts it over at
least this share of its largest section in that direction."""

REFUSED_CUT_SHARE = 0.75
"""A bone that is cut like this has half of itself or more outside, and is not read."""

JOINTS = (Joint.HIP, Joint.KNEE, Joint.ANKLE, Joint.SACROILIAC)


def decide_joint(study: Study, shares: dict[Joint, float]) -> Joint:
    """The joint that is read.

    shares : of hip, knee, ankle, sacroiliac and other by the network.

    Raises NotThisJoint if the image shows none of them, or not the one that was named.
    """
    listing = ", ".join(
        f"{j.value} {shares[j]:.2f}" for j in sorted(shares, key=lambda j: -shares[j])
    )
    best = max(shares, key=lambda j: shares[j])
    if shares.get(Joint.OTHER, 0.0) >= OTHER_SHARE:
        raise NotThisJoint(
            f"The images show no joint that is read here (shares of the network: {listing}).",
            expected="a hip, knee, ankle or sacroiliac joint",
            do="give the right series; if this is one, give its bones with --bones",
        )
    named = study.joint
    if named in JOINTS:
        if shares.get(named, 0.0) < NAMED_SHARE:
            raise NotThisJoint(
                f"The joint is named {named.value} ({study.joint_evidence[0]}), but the images "
                f"look like {'another part' if best is Joint.OTHER else best.value} "
                f"(shares of the network: {listing}).",
                expected=f"images of the {named.value}",
                do="name the right joint with --joint, or give the bones with --bones",
            )
        return named
    if best not in JOINTS or shares[best] < FOUND_SHARE:
        raise NotThisJoint(
            f"No joint can be told from the images (shares of the network: {listing}).",
            expected=f"one joint with a share of {FOUND_SHARE} or more",
            do="name it with --joint",
        )
    return best
