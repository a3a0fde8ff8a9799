"""nbgrader's configuration for students' servers on a JupyterHub: /etc/jupyter/nbgrader_config.py.

The teacher's nbgrader_config.py needs the same two lines for the exchange.
"""

c = get_config()  # noqa: F821 (given by traitlets)
c.CourseDirectory.course_id = "k2"
c.Exchange.root = "/srv/nbgrader/exchange"
