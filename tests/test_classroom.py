"""The classroom's small parts: personal data, checks, settings, marks as CSV."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from classroom_kit import ROOT, SECRET, make_course

from classroom import check, execute, grade, marks, personal
from classroom.check import Marks
from k2course import models

NAMES = sorted(p.name for p in (ROOT / "assignments" / "source").iterdir() if p.is_dir())


def one(name, value, right, unit="mg", **options):
    space = {"__truth__": {}} | ({} if value is KeyError else {name: value})
    m = Marks(space)
    m.number(name, right, unit, points=4, **options)
    return m


class TestNumber:
    @pytest.mark.parametrize("value", [5.0, 5, [5.0], "5.0", 5.09, 4.91])
    def test_right(self, value):
        assert one("x", value, 5.0).earned == 4

    @pytest.mark.parametrize("value", [5000, 0.005, 500, 300, -5, 120])
    def test_near_miss_earns_half_and_says_why(self, value):
        m = one("x", value, 5.0)
        assert m.earned == 2
        assert "unit" in m.words[0] or "sign" in m.words[0]

    @pytest.mark.parametrize(
        "value", [5.2, 4.8, "five", [5.0, 5.0], {"kind": "function"}, float("nan"), True]
    )
    def test_wrong(self, value):
        m = one("x", value, 5.0)
        assert m.earned == 0
        assert m.possible == 4
        assert not m.look

    def test_words_do_not_hold_the_answer(self):
        rng = np.random.default_rng(2026)
        for right in rng.uniform(1, 1000, 200):
            factor = rng.choice([0.5, 2, 1000, -1, 1 / 60, 1.05])
            words = one("x", right * factor, right).words[0]
            assert not any(f"{right:.{d}f}" in words for d in (1, 2, 3)), words

    def test_missing_name_is_for_a_person(self):
        m = one("x", KeyError, 5.0)
        assert (m.earned, m.look) == (0, True)
        assert "`x`" in m.words[0]

    def test_named_slip(self):
        m = one("x", 7.0, 5.0, slips={7.0: "this is the mean"})
        assert m.earned == 2
        assert "mean" in m.words[0]


class TestChoice:
    @pytest.mark.parametrize(
        ("value", "share"),
        [
            (["a", "B ", "c", "d"], 1),
            (["a", "b", "c", "x"], 0.5),
            (["a", "b", "x", "x"], 0),
            (["a", "a", "a", "a"], 0),
            (["a", "b", "c"], 0),
            ("a", 0),
        ],
    )
    def test_share(self, value, share):
        m = Marks({"__truth__": {}, "x": value})
        m.choice("x", ["a", "b", "c", "d"], points=4)
        assert m.earned == 4 * share


class TestSetting:
    LINE = 'models.load("kcycle").simulate(360, points=201, dose=4, phi=0.1)'

    @pytest.mark.parametrize(
        "value",
        [
            LINE,
            f"  run = {LINE}\n",
            LINE.replace("360", "t_end=24"),
            LINE.replace('"', "'"),
            {"settings": {"model": "kcycle", "t_end": 1, "points": 2, "dose": 4.0, "phi": 0.1}},
        ],
    )
    def test_read(self, value):
        assert check.read_setting(value) == {"model": "kcycle", "dose": 4, "phi": 0.1}

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "dose=4",
            "kcycle.simulate(360)",
            'models.load("kcycle").simulate(360, dose=__import__("os").getpid())',
            'models.load(open("x").read()).simulate(360)',
            "models.load(",
            3,
            {"dose": 4},
        ],
    )
    def test_not_a_setting(self, value):
        with pytest.raises(ValueError, match="paste the whole line"):
            check.read_setting(value)

    def marks(self, value):
        m = Marks({"__truth__": {}, "s": value})
        low = (1, "hydroquinone below half", lambda run, _: run["VKH2"].iloc[-1] < 0.05)
        strong = (2, "at least 2 mg", lambda _, p: p["dose"] >= 2)
        m.setting("s", "kcycle", 360, [low, strong], allowed=["dose", "phi"])
        return m

    def test_many_settings_are_right_and_parts_count(self):
        assert self.marks(self.LINE).earned == 3
        assert self.marks(self.LINE.replace("dose=4", "dose=8")).earned == 3
        assert self.marks(self.LINE.replace("dose=4", "dose=0.5")).earned == 0
        assert self.marks(self.LINE.replace("phi=0.1", "phi=0.9")).earned == 2

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("kcycle", "cui2008", "not a setting of kcycle"),
            ("phi=0.1", "IC50=0.1", "may be moved"),
            ("dose=4", "dose=400000", "not allowed"),
            ("dose=4", "dose='much'", "not a finite number"),
        ],
    )
    def test_refused_in_words(self, old, new, words):
        m = self.marks(self.LINE.replace(old, new))
        assert m.earned == 0
        assert m.possible == 3
        assert words in m.words[0]

    def test_a_run_tells_its_settings(self):
        run = models.load("kcycle").simulate(24, 5, dose=4)
        space = {"run": run}
        exec(execute.COLLECT, space)
        sent = space["_k2_collect"](["run"], space)
        assert check.read_setting(__import__("json").loads(sent)["run"])["dose"] == 4


def test_collect_is_plain_and_bounded():
    class Odd:
        def __float__(self):
            raise RuntimeError

    space = {
        "a": np.float64(1.5), "b": np.arange(3), "c": pd.Series([1.0, None]), "d": ..., "e": print,
        "f": "x" * 10**6, "g": list(range(10**6)), "h": Odd(), "i": {"k": (1, {2})},
    }  # fmt: skip
    exec(execute.COLLECT, space)
    text = space["_k2_collect"](sorted("abcdefghiz"), space)
    found = __import__("json").loads(text)
    assert len(text) < 200_000
    assert (found["a"], found["b"], found["d"]) == (1.5, [0, 1, 2], None)
    assert found["e"] == {"kind": "builtin_function_or_method"}
    assert found["h"] == {"kind": "Odd"}
    assert found["i"] == {"k": [1, [2]]}
    assert "z" not in found


class TestPersonal:
    def test_seed_depends_on_all_three(self):
        seeds = {
            personal.seed(key, assignment, student)
            for key in (b"k" * 16, b"l" * 16)
            for assignment in ("a", "b")
            for student in ("anna", "annb")
        }
        assert len(seeds) == 8
        # HMAC-SHA-256 of "a\0anna" under sixteen k, computed with another tool (openssl)
        assert f"{personal.seed(b'k' * 16, 'a', 'anna'):064x}" == OPENSSL

    @pytest.mark.parametrize(
        "bad",
        ["", "../x", "a/b", "a b", "=1+1", "-x", "@x", "a\n", "é", "x" * 65, ".hidden", "a\0"],
    )
    def test_bad_ids(self, bad):
        with pytest.raises(ValueError, match="student id"):
            personal.check_id(bad)

    def test_secret_is_made_once_and_private(self, tmp_path, monkeypatch):
        monkeypatch.delenv("K2_CLASS_SECRET", raising=False)
        with pytest.raises(ValueError, match="no secret"):
            personal.secret(tmp_path)
        made = personal.secret(tmp_path, create=True)
        assert personal.secret(tmp_path, create=True) == made
        assert (tmp_path / "secret").stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("name", NAMES)
    def test_data_are_deterministic_and_differ_between_students(self, name, tmp_path):
        course = make_course(tmp_path / "c", name)
        data, _ = personal.make(course, name, "anna")
        personal.write(course, name, "anna", tmp_path)
        again = pd.read_csv(tmp_path / personal.DATA)
        rows = [table.astype(object).where(table.notna(), "") for table in (again, data)]
        pd.testing.assert_frame_equal(*rows, check_dtype=False)
        assert personal.truth(course, name, "anna") == personal.truth(course, name, "anna")
        assert personal.truth(course, name, "anna") != personal.truth(course, name, "bob")
        (course / "secret").write_text(SECRET + "!", "utf-8")
        assert not personal.make(course, name, "anna")[0].equals(data)


@pytest.mark.parametrize("name", NAMES)
def test_points_stand_where_the_guide_says(name):
    """Every question has hidden tests or a person, and asks for names that the cells set."""
    import json

    path = ROOT / "assignments" / "source" / name / f"{name}.ipynb"
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        label = cell["metadata"].get("nbgrader", {})
        source = "".join(cell["source"])
        if label.get("grade") and not label["solution"]:
            visible, tests = execute.split(source)
            assert tests, label["grade_id"]
            assert all(asked in visible for asked in execute.asked(tests))
        assert cell.get("outputs", []) == []


NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "|x", "=cmd|' /C calc'!A0"]


class TestCsv:
    @pytest.mark.parametrize("text", NASTY)
    def test_formulas_are_disarmed(self, text):
        assert marks.guard(text).startswith("'")

    @pytest.mark.parametrize("text", ["Müller, jun.", 'O"Neil', "李雷", "12.5", "", "ada@x.org"])
    def test_names_stay(self, text):
        assert marks.guard(text) == text

    def test_round_trip(self, tmp_path):
        rows = [["id", "name"], ["a", 'Müller, "Bo"\nLee'], ["b", "=1"]]
        marks._write(tmp_path / "x.csv", rows)
        text = (tmp_path / "x.csv").read_text("utf-8")
        assert list(csv.reader(io.StringIO(text))) == [
            ["id", "name"],
            ["a", 'Müller, "Bo" Lee'],
            ["b", "'=1"],
        ]


class TestRoster:
    def test_absent(self, tmp_path):
        assert [row["id"] for row in grade.roster(tmp_path)] == ["demo"]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("name\nx\n", "`id` among them"),
            ("name\n", "`id` among them"),
            ("id;name\nx;y\n", "`id` among them"),
            ("", "`id` among them"),
            ("id\n", "no student"),
            ("first_name,id\nAda\n", "student id ''"),
            ("id\n=1\n", "student id"),
            ("id\nanna\nAnna\n", "twice"),
        ],
    )
    def test_bad(self, tmp_path, text, words):
        (tmp_path / "roster.csv").write_text(text, "utf-8")
        with pytest.raises(ValueError, match=f"^roster.csv: .*{words}"):
            grade.roster(tmp_path)

    @pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
    def test_not_in_utf_8(self, tmp_path, encoding):
        (tmp_path / "roster.csv").write_text("id,first_name\nanna,Änne\n", encoding)
        with pytest.raises(ValueError, match=r"^roster.csv can't be read; .* UTF-8"):
            grade.roster(tmp_path)

    def test_from_a_spreadsheet(self, tmp_path):
        text = '\ufeffid,first_name,last_name\nanna,Änne,"Müller, jun."\n'
        (tmp_path / "roster.csv").write_text(text, "utf-8")
        assert grade.roster(tmp_path)[0]["last_name"] == "Müller, jun."


OPENSSL = "d21ca191b84e786b89395bf167ac2e0f166995946a015309c90534f7a3922014"
