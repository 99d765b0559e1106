"""Phantom: digital joints with known truth, at one visit or over many.

from marrowlight.phantom import EdemaSpec, PhantomSpec, make_phantom, write_phantom

write_phantom(make_phantom(PhantomSpec(joint="knee", side="left")), "knee")
"""

from marrowlight.phantom.anatomy import Anatomy, make_anatomy
from marrowlight.phantom.model import sites
from marrowlight.phantom.phantom import Phantom, PhantomSeries, make_phantom
from marrowlight.phantom.spec import EdemaSpec, PhantomSpec, Repeat, Shape
from marrowlight.phantom.visits import PhantomVisit, phantom_visits, write_visits
from marrowlight.phantom.write import write_phantom

__all__ = [
    "Anatomy",
    "EdemaSpec",
    "Phantom",
    "PhantomSeries",
    "PhantomSpec",
    "PhantomVisit",
    "Repeat",
    "Shape",
    "make_anatomy",
    "make_phantom",
    "phantom_visits",
    "sites",
    "write_phantom",
    "write_visits",
]
