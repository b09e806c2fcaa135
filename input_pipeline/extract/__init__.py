"""Video files to clips: decoding, face landmarks, face crops.

PyAV and MediaPipe are an optional extra: importing this package needs neither, using it says in one line what is absent.
`python -m input_pipeline.extract` packs one's own videos into a data set; `extract_clip` makes one clip in memory.
"""

from input_pipeline.extract.clip import extract_clip
from input_pipeline.extract.landmarker import Landmarker
from input_pipeline.extract.video import Limits, find_videos

__all__ = ["Landmarker", "Limits", "extract_clip", "find_videos"]
