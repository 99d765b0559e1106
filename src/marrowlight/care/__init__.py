"""What may be done: options with certainty, effect and the cautions of this patient.

No dose, no prescription. Imports ``causes``, never the other way round.
"""
