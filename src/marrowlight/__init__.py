"""Marrowlight reads bone marrow edema on MRI."""
