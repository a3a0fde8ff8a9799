"""The classroom: personal data, contained grading and marks around nbgrader.

A teacher's four steps are ``python -m classroom release | grade | feedback | marks``. The course
itself stands in ``assignments/``; nothing here is installed with ``k2course``.
"""

import os
import sys

# One submission, one core: also keeps the address space of a kernel small enough to be limited.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# nbgrader calls its database tool by name.
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
