"""nbgrader's configuration for this course; read by `make grade`, formgrader and the command line.

On a JupyterHub see teaching.md for what students' servers need.
"""

import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))

c = get_config()  # noqa: F821 (given by traitlets)
c.CourseDirectory.root = str(here)
c.CourseDirectory.course_id = "k2"
c.CourseDirectory.db_url = f"sqlite:///{here / 'gradebook.db'}?timeout=60"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "personal.py"]
c.CourseDirectory.max_file_size = 20_000  # kB
c.Exchange.root = "/srv/nbgrader/exchange"  # used on a JupyterHub alone

# `nbgrader zip_collect`: the id in front, ada01_k-cycle.ipynb or ada01/k-cycle.ipynb. If your
# platform names files in another way, change it; it is matched against a file's whole path.
c.FileNameCollectorPlugin.named_regexp = (
    r".*[/\\](?P<student_id>[A-Za-z0-9][\w.@-]*)[_/\\](?P<file_id>[^_/\\]+)\.ipynb"
)

# Empty answers say so instead of raising an error.
c.ClearSolutions.code_stub = {"python": "# your code here"}
c.ClearSolutions.text_stub = "*Your answer here.*"

# Submissions are mended, run in a box and judged outside of it.
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "classroom.execute.Mend",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "classroom.execute.Contained",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# What one submission may use; see classroom/sandbox.py.
c.Contained.limits = {"cell": 30, "notebook": 120}
