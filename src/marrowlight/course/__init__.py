"""From visit to visit: what changed beyond measurement error. Knows no causes."""
