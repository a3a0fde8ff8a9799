"""The classroom: personal data, contained grading and marks around nbgrader.

A teacher's four steps are ``python -m classroom release | grade | feedback | marks``. The course
itself stands in ``assignments/``; nothing here is installed with ``k2course``.
"""

import os
import sys

# One submission, one core: also keeps the address space of a kernel small enough to be limited.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# jsonschema compiles a grammar of web addresses when it is loaded, for a check that notebooks don't
# use; that is half the start of every grader. Without the module it goes without.
sys.modules.setdefault("rfc3987_syntax", None)

# nbgrader calls its database tool by name.
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
