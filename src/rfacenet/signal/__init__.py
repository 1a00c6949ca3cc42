"""Signals: trends, filters, uniform grids, windows, spectra, quality and beats. NumPy and SciPy only."""
