"""Why edema is there: knowledge of its causes as data, and the reasoning over it."""
