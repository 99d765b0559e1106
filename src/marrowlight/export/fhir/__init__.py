"""A reading as FHIR R4 (4.0.1): one transaction, posted to any R4 server.

``report``, ``observation``, ``study`` and ``device`` are the resources, ``bundle`` joins
them, ``about`` is what all repeat, ``elements`` are the data types.
"""

from marrowlight.export.fhir.bundle import fhir_bundle, fhir_bytes

__all__ = ["fhir_bundle", "fhir_bytes"]
