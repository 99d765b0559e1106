"""What is expected of bones: data with sources."""

from importlib import resources

import pytest
import yaml

from marrowlight.anatomy.expect import checked, expected
from marrowlight.errors import KnowledgeError
from marrowlight.study.study import Joint


def content():
    file = resources.files("marrowlight.anatomy") / "expected.yaml"
    return yaml.safe_load(file.read_text())


def test_every_joint_has_a_main_bone():
    for joint in (Joint.HIP, Joint.KNEE, Joint.ANKLE, Joint.SACROILIAC):
        part = expected().of_joint(joint)
        assert any(b.main for b in part.bones)
        assert {b.joint for b in part.bones} == {joint}


def spoil(kind):
    data = content()
    if kind == "source":
        data["bones"][0]["source"] = "nobody"
    elif kind == "joint":
        data["bones"][0]["joint"] = "ankle"
    elif kind == "order":
        data["bones"][0]["volume_ml"] = [400, 30]
    elif kind == "twice":
        data["bones"].append(data["bones"][0])
    elif kind == "stranger":
        data["neighbours"][0]["bones"] = ["femur", "talus"]
    else:
        data["bones"][0]["colour"] = "white"
    return data


@pytest.mark.parametrize("kind", ["source", "joint", "order", "twice", "stranger", "key"])
def test_a_broken_entry_is_refused(kind):
    checked(content())
    with pytest.raises(KnowledgeError):
        checked(spoil(kind))
