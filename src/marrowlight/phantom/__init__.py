"""Phantom: digital joints with known truth.

from marrowlight.phantom import EdemaSpec, PhantomSpec, make_phantom, write_phantom

write_phantom(make_phantom(PhantomSpec(joint="knee", side="left")), "knee")
"""

from marrowlight.phantom.anatomy import Anatomy, make_anatomy
from marrowlight.phantom.model import sites
from marrowlight.phantom.phantom import Phantom, PhantomSeries, make_phantom
from marrowlight.phantom.spec import EdemaSpec, PhantomSpec, Repeat, Shape
from marrowlight.phantom.write import write_phantom

__all__ = [
    "Anatomy",
    "EdemaSpec",
    "Phantom",
    "PhantomSeries",
    "PhantomSpec",
    "Repeat",
    "Shape",
    "make_anatomy",
    "make_phantom",
    "sites",
    "write_phantom",
]
