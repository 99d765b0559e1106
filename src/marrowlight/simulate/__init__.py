"""Simulate: fluid in bone over weeks, a teaching and test model, not a prediction for a patient.

from marrowlight.simulate import simulate

simulate("bone_contusion", 52, care=("protected_loading",)).weeks_to_half
"""

from marrowlight.simulate.sensitivity import Bar, sensitivity
from marrowlight.simulate.simulation import LABEL, Simulation, simulate

__all__ = ["LABEL", "Bar", "Simulation", "sensitivity", "simulate"]
