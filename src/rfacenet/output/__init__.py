"""Estimates as files for people and programs: JSON, CSV and a page to look at."""
