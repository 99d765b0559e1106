"""Training of the bone networks: real bone shapes to invented images to weights.

``maps`` reads label maps of real bones, ``scene`` invents the soft tissue around them,
``contrast``, ``pose``, ``render`` and ``corrupt`` make images of a scene, ``sample`` draws one
training example, ``network`` and ``train`` learn from them, ``evaluate`` and ``frozen`` judge, and
``export`` writes the ONNX file that the product runs. PyTorch and Numba are used here only.
"""
