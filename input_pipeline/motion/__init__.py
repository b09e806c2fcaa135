"""From landmarks to measured motion: layouts, kinematics, facts (NumPy and SciPy only)."""
