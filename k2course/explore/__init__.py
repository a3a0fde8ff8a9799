"""Live elements of the course: in a kernel and in the built page, from one source."""

from k2course.explore.grid import explore
from k2course.explore.intake import IntakeCalculator
from k2course.explore.live import page_script, style
from k2course.explore.model import ModelExplorer

__all__ = ["IntakeCalculator", "ModelExplorer", "explore", "page_script", "style"]
