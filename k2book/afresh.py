"""Which pages to write again: every page, once what pages tell of one another has changed.

Sphinx writes the pages that were edited. Others may print a title, a number or a link that comes
from an edited page, and would go on showing the old one without a warning.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def told(env: BuildEnvironment) -> dict[str, object]:
    """Collect what pages may use of others: titles, numbers, labels, terms, anchors, citations."""
    labels, math = env.get_domain("std").data, env.get_domain("math").data
    cited = sorted(env.get_domain("cite").data["citation_refs"], key=lambda r: (r.docname, r.line))
    return {
        "titles": {page: title.astext() for page, title in env.titles.items()},
        "contents": {page: toc.pformat() for page, toc in env.tocs.items()},
        "tree": env.toctree_includes | {},
        "numbers": [env.toc_secnumbers | {}, env.toc_fignumbers | {}],
        "labels": {name: dict(labels[name]) for name in ("labels", "anonlabels", "objects")},
        "equations": dict(math.get("objects", {})),
        "anchors": {
            page: {slug: place[1:] for slug, place in about.get("myst_slugs", {}).items()}
            for page, about in env.metadata.items()
        },
        "cited": [(ref.docname, [target.key for target in ref.targets]) for ref in cited],
    }


def _edited(app: Sphinx, env: BuildEnvironment, *_: set[str]) -> list[str]:
    """List the pages with other text than last time; Sphinx looks at the files' dates alone."""
    now = {page: sha256(Path(env.doc2path(page)).read_bytes()).digest() for page in env.found_docs}
    before, env.k2_read = getattr(env, "k2_read", {}), now
    return [page for page in now if before.get(page) != now[page]]


def _which(app: Sphinx, env: BuildEnvironment) -> list[str]:
    before, env.k2_told = getattr(env, "k2_told", None), told(env)
    return [] if before == env.k2_told else sorted(env.found_docs)


def _share(app: Sphinx) -> None:
    """Let Sphinx use all cores: these two extensions don't say whether it may.

    One numbers chapters of numbered books, the other serves LaTeX alone; neither keeps anything.
    """
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True
            app.extensions[name].parallel_write_safe = True


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("builder-inited", _share)
    app.connect("env-get-outdated", _edited)
    app.connect("env-get-updated", _which, priority=900)  # figures have their numbers by now
