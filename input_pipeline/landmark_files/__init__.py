"""Landmarks that another tool has made, as clips without pictures: for videos that may not leave where they are.

One module per kind of file, all in the registry of `reader`; docs/landmark_files.md lists them. No MediaPipe and no video is
needed here.
"""

from input_pipeline.landmark_files.reader import KINDS, SUFFIXES, is_landmark_file, read_landmark_file

__all__ = ["KINDS", "SUFFIXES", "is_landmark_file", "read_landmark_file"]
