"""The service: a page that measures before the camera, videos to be measured, and an interface for programs.

What travels between it and its clients is described in ``docs/api.md``. Only this room knows FastAPI.
"""
