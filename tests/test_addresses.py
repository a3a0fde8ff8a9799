"""One setting for the public addresses: what depends on it, set and unset."""

from types import SimpleNamespace

import pytest

from k2book import extension


def configured(folder, repository, site):
    (folder / "pyproject.toml").write_text(
        f'[tool.k2course]\nrepository = "{repository}"\nsite = "{site}"\n'
    )
    config = SimpleNamespace(
        html_theme_options={}, html_context={}, html_baseurl="x", myst_substitutions={}
    )
    app = SimpleNamespace(srcdir=folder, add_css_file=lambda name: None)
    extension._configure(app, config)
    return config


def test_unset_hides_everything(tmp_path):
    config = configured(tmp_path, "", "")
    theme = config.html_theme_options
    assert theme["launch_buttons"] == {}
    assert theme["use_repository_button"] is theme["use_issues_button"] is False
    assert config.html_baseurl == ""
    assert config.myst_substitutions["address"] == ""


@pytest.mark.parametrize("slash", ["", "/"])
def test_set_shows_everything(tmp_path, slash):
    site, repository = "https://k2.example/course", "https://git.example/k2/course"
    config = configured(tmp_path, repository + slash, site + slash)
    theme = config.html_theme_options
    assert theme["repository_url"] == repository
    assert "binderhub_url" in theme["launch_buttons"]
    assert theme["use_repository_button"] is theme["use_issues_button"] is True
    assert config.html_baseurl == f"{site}/"
    assert site in config.myst_substitutions["address"]
